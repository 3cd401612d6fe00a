; void cpu_idle(const _Atomic uint32_t *wake): see cpu.h.
; If an NMI arrives at any instruction from idle_begin up to the HLT, cpu_nmi() continues at idle_end,
; so that a kick between the check and the HLT is not lost.

bits 64
section .text
global cpu_idle, idle_begin, idle_end

cpu_idle:
idle_begin:
    cmp dword [rdi], 0
    jne idle_end
    sti
    hlt
idle_end:
    cli
    ret

section .note.GNU-stack noalloc noexec nowrite progbits
