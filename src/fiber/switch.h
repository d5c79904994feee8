/* fiber/switch.h: changing the stack under running code. x86-64 (System V) and arm64 (AAPCS64).
 * Knows nothing of fibers, loops or libuv, so that it can be built and tested alone for another machine.
 *
 * A suspended context is one pointer: its stack pointer. What the ABI lets a called function destroy is not saved; nor
 * are the rounding modes (mxcsr, x87 control word, FPCR): nobody in this house changes them. */
#ifndef WEIR_FIBER_SWITCH_H
#define WEIR_FIBER_SWITCH_H

/* Prepares a context that will call main(arg) on the stack that ends (exclusively) at `top`. main must not return. */
void *context_init(void *top, void (*main)(void *arg), void *arg);
/* Stores the running context in *from and goes on with `to`; returns when somebody switches back to *from. */
void context_switch(void **from, void *to);

#endif
