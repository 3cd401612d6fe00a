; vmx_enter(): enters a guest and returns at the next VM exit. See vmx.h.
;
; The host's callee-saved registers and, below them, the address of the context are on the stack, where
; VMCS_HOST_RSP points. That field is written only when the caller's stack depth has changed.
;
; What is done here against speculation follows arch/speculation.h. Two ways lead to a guest and two back,
; with the guards and without, so that a processor that needs none pays for none.

%include "offsets.inc"

bits 64
default rel

section .data
global vmx_guards
align 4
vmx_guards: dd 0
verw_selector: dw SELECTOR_DATA  ; VERW clears buffers only with a writable segment in memory

section .text

global vmx_enter, vmx_exit_address

%define REG(name) [rdi + CONTEXT_REG + 8 * GUEST_ %+ name]

; CF is not changed.
%macro LOAD_GUEST 0
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
%endmacro

; Only RAX and RDI are free afterwards. RSP is where VMCS_HOST_RSP has set it.
%macro SAVE_GUEST 0
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
    pop qword REG(RDI)
    add rsp, 8
%endmacro

; 32 CALLs without a RET: no RET is predicted by a CALL of the guest's, or for lack of one. Changes ECX.
%macro FILL_RETURN_STACK 0
    mov ecx, 16
%%next:
    call %%first
    int3
%%first:
    call %%second
    int3
%%second:
    dec ecx
    jnz %%next
    add rsp, 32 * 8
%endmacro

; The history of taken branches becomes this loop's. Intel, "Branch History Injection and Intra-mode Branch
; Target Injection": 5 times 5 turns are enough where BHI_DIS_S does not exist. Changes EAX and ECX.
%macro CLEAR_BRANCH_HISTORY 0
    mov ecx, 5
%%outer:
    call %%inner
    dec ecx
    jnz %%outer
    jmp %%done
    align 64, int3
%%inner:
    mov eax, 5
%%again:
    jmp %%taken
    int3
%%taken:
    dec eax
    jnz %%again
    ret
%%done:
%endmacro

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
    test dword [vmx_guards], MITIGATION_VERW | MITIGATION_L1D_ENTRY
    jnz .guarded
    bt esi, 0                    ; CF = launched
    LOAD_GUEST
    jnc .launch
.resume:
    vmresume
    jmp .failed
.guarded:
    test dword [vmx_guards], MITIGATION_L1D_ENTRY
    jz .no_flush
    mov ecx, MSR_IA32_FLUSH_CMD
    mov eax, FLUSH_CMD_L1D
    xor edx, edx
    wrmsr
.no_flush:
    bt esi, 0
    LOAD_GUEST
    verw [verw_selector]         ; the last access to memory; it changes ZF, not CF
    jc .resume
.launch:
    vmlaunch
.failed:
    pop rdi
    xor eax, eax
    jmp restore_host

; The processor continues here at each VM exit, if there are no guards.
align 16
vmx_exit:
    SAVE_GUEST
exited:
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

; Or here. An LFENCE stands between each guard and the first RET or indirect branch that it protects:
; the processor may have predicted wrongly that the guard is to be skipped.
align 16
vmx_exit_guarded:
    SAVE_GUEST
.all:
    mov ebx, [vmx_guards]
    test ebx, MITIGATION_RSB
    jz .not_all
    FILL_RETURN_STACK
.not_all:
    test ebx, MITIGATION_RSB_ONE
    jz .not_one
    call .one
    int3
.one:
    add rsp, 8
.not_one:
    lfence
    test ebx, MITIGATION_BHB
    jz .history_is_clear
    CLEAR_BRANCH_HISTORY
.history_is_clear:
    lfence
    jmp exited

; uint64_t vmx_exit_address(void)
vmx_exit_address:
    lea rax, [vmx_exit]
    lea rcx, [vmx_exit_guarded]
    test dword [vmx_guards], MITIGATION_RSB | MITIGATION_RSB_ONE | MITIGATION_BHB
    cmovnz rax, rcx
    ret

section .note.GNU-stack noalloc noexec nowrite progbits
