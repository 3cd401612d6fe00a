; The hypervisor's first instruction: the boot loader jumps here with RDI = struct boot_info *,
; interrupts off, under its own page tables. See lib/boot_info.h.

bits 64
default rel
section .text.entry progbits alloc exec nowrite align=16
global hypervisor_entry
extern hypervisor_main

hypervisor_entry:
    cli
    cld
    lea rsp, [boot_stack_top]
    xor ebp, ebp
    push rbp                     ; no return address: backtraces end here
    jmp hypervisor_main

; Only until the boot CPU has its own stack with guard pages.
section .bss nobits alloc noexec write align=4096
    resb 16384
boot_stack_top:
global boot_stack_top

section .note.GNU-stack noalloc noexec nowrite progbits
