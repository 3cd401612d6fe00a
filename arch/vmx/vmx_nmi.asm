; void nmi_unblock(void): see vmx.h. An IRETQ to the next instruction ends the blocking of NMIs.
; SDM Vol. 3A, "Handling Multiple NMIs".

bits 64
section .text
global nmi_unblock

nmi_unblock:
    mov rax, rsp
    mov ecx, ss
    push rcx
    push rax
    pushfq
    mov ecx, cs
    push rcx
    lea rcx, [rel .done]
    push rcx
    iretq
.done:
    ret

section .note.GNU-stack noalloc noexec nowrite progbits
