/* fiber/switch_arm64.c: the context switch of AAPCS64.
 *
 * A suspended stack holds, from its stack pointer up: x19 to x30 and d8 to d15 (160 bytes). x30 is the address to go on
 * at; a new stack gets context_begin there, which ends the call chain for unwinders (x30 undefined, x29 is 0). */
#ifdef __aarch64__
#include "fiber/switch.h"

#include <stdint.h>
#include <string.h>

void context_begin(void);

__asm__(".text\n"
        ".p2align 4\n"
        ".globl context_switch\n"
        ".hidden context_switch\n"
        ".type context_switch, %function\n"
        "context_switch:\n"
        "    .cfi_startproc\n"
        "    sub sp, sp, #160\n"
        "    .cfi_def_cfa_offset 160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    .cfi_offset x19, -160\n"
        "    .cfi_offset x20, -152\n"
        "    stp x21, x22, [sp, #16]\n"
        "    .cfi_offset x21, -144\n"
        "    .cfi_offset x22, -136\n"
        "    stp x23, x24, [sp, #32]\n"
        "    .cfi_offset x23, -128\n"
        "    .cfi_offset x24, -120\n"
        "    stp x25, x26, [sp, #48]\n"
        "    .cfi_offset x25, -112\n"
        "    .cfi_offset x26, -104\n"
        "    stp x27, x28, [sp, #64]\n"
        "    .cfi_offset x27, -96\n"
        "    .cfi_offset x28, -88\n"
        "    stp x29, x30, [sp, #80]\n"
        "    .cfi_offset x29, -80\n"
        "    .cfi_offset x30, -72\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    .cfi_def_cfa_offset 0\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size context_switch, . - context_switch\n"
        "\n"
        ".p2align 4\n"
        ".globl context_begin\n"
        ".hidden context_begin\n"
        ".type context_begin, %function\n"
        "context_begin:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined x30\n"
        "    mov x0, x20\n"
        "    blr x19\n"
        "    brk #0\n"
        "    .cfi_endproc\n"
        ".size context_begin, . - context_begin\n");

enum { FRAME_WORDS = 20, MAIN_AT = 0, ARG_AT = 1, LINK_AT = 11 };

void *context_init(void *top, void (*main)(void *arg), void *arg)
{
    uintptr_t *sp = (uintptr_t *)((uintptr_t)top & ~(uintptr_t)15) - FRAME_WORDS;
    memset(sp, 0, FRAME_WORDS * sizeof *sp);
    sp[MAIN_AT] = (uintptr_t)main;
    sp[ARG_AT] = (uintptr_t)arg;
    sp[LINK_AT] = (uintptr_t)context_begin;
    return sp;
}
#endif
