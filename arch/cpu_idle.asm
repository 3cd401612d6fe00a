; void cpu_idle(const _Atomic uint32_t *wake): see cpu.h.
; An NMI anywhere from idle_begin to the HLT makes cpu_nmi() continue at idle_end, so that a kick
; which comes between the look and the HLT is not slept through.

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
