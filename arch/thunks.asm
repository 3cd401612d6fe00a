; The thunks of indirect branches: see thunks.h. The compiler knows their names.
; Each has its own cache line and begins in the line's upper half, where a branch is not affected by
; Indirect Target Selection.

bits 64
section .text

global thunks_begin

%macro THUNK 1
    align 64, int3
    times 32 int3
global __x86_indirect_thunk_%1
__x86_indirect_thunk_%1:
    call %%replace
%%speculation_stays_here:
    pause
    lfence
    jmp %%speculation_stays_here
%%replace:
    mov [rsp], %1
    ret
%endmacro

align 64, int3
thunks_begin:
    THUNK rax
    THUNK rcx
    THUNK rdx
    THUNK rbx
    THUNK rsp
    THUNK rbp
    THUNK rsi
    THUNK rdi
    THUNK r8
    THUNK r9
    THUNK r10
    THUNK r11
    THUNK r12
    THUNK r13
    THUNK r14
    THUNK r15
    align 64, int3

section .note.GNU-stack noalloc noexec nowrite progbits
