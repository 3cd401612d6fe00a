; Entry points of the host's exceptions and interrupts: see idt.h.
; There is an entry for each vector, 16 bytes apart. It pushes an error code of 0 if the processor has
; pushed none, and the vector; trap_common then saves the registers and calls
; trap_dispatch(struct trap_frame *) of idt.c.

bits 64
default rel
section .text

extern trap_dispatch
global trap_entries

align 16
trap_entries:
%assign vector 0
%rep 256
    align 16
    %if vector != 8 && vector != 10 && vector != 11 && vector != 12 && vector != 13 && vector != 14 && vector != 17 && vector != 21 && vector != 29 && vector != 30
    push 0
    %endif
    push strict dword vector
    jmp strict near trap_common
%assign vector vector + 1
%endrep
    align 16

trap_common:
    push rax
    push rcx
    push rdx
    push rbx
    push rbp
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    cld
    mov rdi, rsp
    mov rbp, rsp
    and rsp, -16
    call trap_dispatch
    mov rsp, rbp
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rbp
    pop rbx
    pop rdx
    pop rcx
    pop rax
    add rsp, 16
    iretq

section .note.GNU-stack noalloc noexec nowrite progbits
