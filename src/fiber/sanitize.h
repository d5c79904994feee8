/* fiber/sanitize.h: what AddressSanitizer, LeakSanitizer, ThreadSanitizer and valgrind must be told when stacks change
 * under their feet and when lent bytes stop being valid. In plain builds every word here is empty. */
#ifndef WEIR_FIBER_SANITIZE_H
#define WEIR_FIBER_SANITIZE_H

#include <stddef.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZE_ADDRESS_ON 1
#endif
#if __has_feature(thread_sanitizer)
#define SANITIZE_THREAD_ON 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZE_ADDRESS_ON 1
#endif
#ifdef __SANITIZE_THREAD__
#define SANITIZE_THREAD_ON 1
#endif

#ifdef SANITIZE_ADDRESS_ON
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
/* `save`: where the leaving side keeps its fake stack; NULL: it never comes back. */
#define SANITIZE_LEAVE(save, low, bytes) __sanitizer_start_switch_fiber((save), (low), (bytes))
#define SANITIZE_ARRIVE(save, low, bytes) __sanitizer_finish_switch_fiber((save), (low), (bytes))
#define SANITIZE_FORBID(at, bytes) __asan_poison_memory_region((at), (bytes))
#define SANITIZE_ALLOW(at, bytes) __asan_unpoison_memory_region((at), (bytes))
#define SANITIZE_ROOT(at, bytes) __lsan_register_root_region((at), (bytes))
#define SANITIZE_UNROOT(at, bytes) __lsan_unregister_root_region((at), (bytes))
#else
#define SANITIZE_LEAVE(save, low, bytes) ((void)0)
#define SANITIZE_ARRIVE(save, low, bytes) ((void)0)
#define SANITIZE_FORBID(at, bytes) ((void)0)
#define SANITIZE_ALLOW(at, bytes) ((void)0)
#define SANITIZE_ROOT(at, bytes) ((void)0)
#define SANITIZE_UNROOT(at, bytes) ((void)0)
#endif

#ifdef SANITIZE_THREAD_ON
#include <sanitizer/tsan_interface.h>
#endif

#ifdef WEIR_VALGRIND
#include <valgrind/valgrind.h>
#define SANITIZE_STACK_REMEMBER(low, top) VALGRIND_STACK_REGISTER((low), (top))
#define SANITIZE_STACK_FORGET(id) VALGRIND_STACK_DEREGISTER(id)
/* valgrind reads for itself what a system call is given, and dies of a guard that it did not see installed. */
#define SANITIZE_SEES_GUARDS (!RUNNING_ON_VALGRIND)
#else
#define SANITIZE_STACK_REMEMBER(low, top) 0
#define SANITIZE_STACK_FORGET(id) ((void)(id))
#define SANITIZE_SEES_GUARDS 1
#endif

#endif
