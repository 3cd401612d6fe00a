; The entry points of all 256 vectors: one stub each, 16 bytes apart, then code for all of them that
; calls C and returns.
;
; A stub makes the stack frame the same for all vectors: it pushes a zero where the processor pushed
; no error code, and then the vector. Only the registers that a C function may change are saved; it
; preserves the others itself. That keeps an interrupt short: benchmarks count these instructions.
; The layout is struct interrupt_frame in interrupts.h. SDM Vol. 3A, "Exception and Interrupt
; Handling in 64-bit Mode" and "Error Code".

%define STUB_SIZE 16                    ; as in interrupts.c
%define WITH_ERROR_CODE (1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17 | 1 << 21)

extern interrupt_dispatch               ; interrupts.c
global interrupt_stubs

section .text
bits 64
align STUB_SIZE
interrupt_stubs:
%assign vector 0
%rep 256
    align STUB_SIZE
%if vector >= 32 || !((WITH_ERROR_CODE >> (vector & 31)) & 1)
    push 0
%endif
    push vector
    jmp strict near save_and_call
%assign vector vector + 1
%endrep

save_and_call:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    cld
    mov rdi, rsp
    call interrupt_dispatch
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 16                         ; vector and error code
    iretq
