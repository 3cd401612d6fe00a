; vmx_enter(): enters a guest and returns at the next VM exit. See vmx.h.
;
; The host's callee-saved registers and, below them, the address of the context are on the stack, where
; VMCS_HOST_RSP points. That field is written only when the caller's stack depth has changed.

%include "offsets.inc"

bits 64
default rel
section .text

global vmx_enter, vmx_exit_address

%define REG(name) [rdi + CONTEXT_REG + 8 * GUEST_ %+ name]

; bool vmx_enter(struct vmx_context *context /* rdi */, bool launched /* esi */)
align 16
vmx_enter:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    push rdi
    cmp rsp, [rdi + CONTEXT_HOST_RSP]
    je .rsp_is_right
    mov rax, VMCS_HOST_RSP
    vmwrite rax, rsp
    jna .failed
    mov [rdi + CONTEXT_HOST_RSP], rsp
.rsp_is_right:
    test sil, sil                ; no MOV below changes ZF
    mov rax, REG(RAX)
    mov rcx, REG(RCX)
    mov rdx, REG(RDX)
    mov rbx, REG(RBX)
    mov rbp, REG(RBP)
    mov rsi, REG(RSI)
    mov r8, REG(R8)
    mov r9, REG(R9)
    mov r10, REG(R10)
    mov r11, REG(R11)
    mov r12, REG(R12)
    mov r13, REG(R13)
    mov r14, REG(R14)
    mov r15, REG(R15)
    mov rdi, REG(RDI)
    jz .launch
    vmresume
    jmp .failed
.launch:
    vmlaunch
.failed:
    pop rdi
    xor eax, eax
    jmp restore_host

; The processor continues here at each VM exit.
align 16
vmx_exit:
    push rdi
    mov rdi, [rsp + 8]
    mov REG(RAX), rax
    mov REG(RCX), rcx
    mov REG(RDX), rdx
    mov REG(RBX), rbx
    mov REG(RBP), rbp
    mov REG(RSI), rsi
    mov REG(R8), r8
    mov REG(R9), r9
    mov REG(R10), r10
    mov REG(R11), r11
    mov REG(R12), r12
    mov REG(R13), r13
    mov REG(R14), r14
    mov REG(R15), r15
    pop rax
    mov REG(RDI), rax
    add rsp, 8
    mov eax, 1
    ; No guest value stays in a register that the host could use speculatively.
    xor ecx, ecx
    xor edx, edx
    xor esi, esi
    xor r8d, r8d
    xor r9d, r9d
    xor r10d, r10d
    xor r11d, r11d
restore_host:
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret

; uint64_t vmx_exit_address(void)
vmx_exit_address:
    lea rax, [vmx_exit]
    ret

section .note.GNU-stack noalloc noexec nowrite progbits
