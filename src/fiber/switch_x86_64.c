/* fiber/switch_x86_64.c: the context switch of the System V ABI for x86-64.
 *
 * A suspended stack holds, from its stack pointer up: r15 r14 r13 r12 rbx rbp and the address to go on at. A new one is
 * given the same picture, with context_begin as that address. The jump back is a jmp, not a ret: the processor's stack of
 * return addresses could only guess wrong. context_begin ends the call chain for unwinders (its return address is
 * undefined, rbp is 0). */
#ifdef __x86_64__
#include "fiber/switch.h"

#include <stdint.h>

void context_begin(void);

__asm__(".text\n"
        ".p2align 4\n"
        ".globl context_switch\n"
        ".hidden context_switch\n"
        ".type context_switch, @function\n"
        "context_switch:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    pushq %rbp\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %rbp, 0\n"
        "    pushq %rbx\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %rbx, 0\n"
        "    pushq %r12\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %r12, 0\n"
        "    pushq %r13\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %r13, 0\n"
        "    pushq %r14\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %r14, 0\n"
        "    pushq %r15\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %r15, 0\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_restore %r15\n"
        "    popq %r14\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_restore %r14\n"
        "    popq %r13\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_restore %r13\n"
        "    popq %r12\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_restore %r12\n"
        "    popq %rbx\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_restore %rbx\n"
        "    popq %rbp\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_restore %rbp\n"
        "    popq %rcx\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_register %rip, %rcx\n"
        "    jmp *%rcx\n"
        "    .cfi_endproc\n"
        ".size context_switch, . - context_switch\n"
        "\n"
        ".p2align 4\n"
        ".globl context_begin\n"
        ".hidden context_begin\n"
        ".type context_begin, @function\n"
        "context_begin:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined %rip\n"
        "    endbr64\n"
        "    movq %r12, %rdi\n"
        "    callq *%r13\n"
        "    ud2\n"
        "    .cfi_endproc\n"
        ".size context_begin, . - context_begin\n");

void *context_init(void *top, void (*main)(void *arg), void *arg)
{
    uintptr_t *sp = (uintptr_t *)((uintptr_t)top & ~(uintptr_t)15);
    *--sp = (uintptr_t)context_begin;
    *--sp = 0;               /* rbp */
    *--sp = 0;               /* rbx */
    *--sp = (uintptr_t)arg;  /* r12 */
    *--sp = (uintptr_t)main; /* r13 */
    *--sp = 0;               /* r14 */
    *--sp = 0;               /* r15 */
    return sp;
}
#endif
