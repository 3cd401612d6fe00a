; Saves the registers of a vCPU that starts, before anything changes them: see look.h.
;
; vCPU 0 comes from the loader in 32-bit protected mode, the others from a SIPI in real mode: the
; same instructions, assembled twice, save what both modes have. DS is not loaded before, so its base
; must be 0. look_each() saves the rest in 64-bit mode, from where start.asm calls it.

%define LOOK       0xa000               ; struct look
%define STACK      0xb000
%define TRAMPOLINE 0x8000               ; guest/lib/cpus.h

%define CPUID_LEAF_XSTATE 0xd
%define CR4_OSFXSR   (1 << 9)
%define CR4_OSXSAVE  (1 << 18)
%define IA32_EFER    0xc0000080
%define IA32_FS_BASE 0xc0000100
%define IA32_GS_BASE 0xc0000101

struc look
.general:  resq 8                       ; as encoded: EAX ECX EDX EBX ESP EBP ESI EDI
.upper:    resq 8                       ; R8 to R15
.flags:    resq 1
.segment:  resq 6                       ; as encoded: ES CS SS DS FS GS
.through:  resq 6                       ; what is at .mark through each
.mark:     resq 1
.gdtr:     resq 1                       ; the limit in bits 15:0, then the base
.idtr:     resq 1
.ldtr:     resq 1
.tr:       resq 1
.cr0:      resq 1
.cr2:      resq 1
.cr3:      resq 1
.cr4:      resq 1
.cr8:      resq 1
.dr:       resq 4
.dr6:      resq 1
.dr7:      resq 1
.xcr0:     resq 1
.efer:     resq 1
.fs_base:  resq 1
.gs_base:  resq 1
endstruc
%if look_size != 49 * 8
%error look.h has another struct look
%endif

%define MARK 0x600d1234               ; LOOK_MARK

%macro save_control 2                   ; name, register
    mov eax, %2
    mov [LOOK + look.%1], eax
%endmacro

%macro save_msr 2
    mov ecx, %2
    rdmsr
    mov [LOOK + look.%1], eax
    mov [LOOK + look.%1 + 4], edx
%endmacro

%macro save_through 2                   ; number, segment
    mov eax, [%2:LOOK + look.mark]
    mov [LOOK + look.through + 8 * %1], eax
    mov [LOOK + look.segment + 8 * %1], %2
%endmacro

%macro save_registers 0
    mov [LOOK + look.general + 8 * 0], eax
    mov [LOOK + look.general + 8 * 1], ecx
    mov [LOOK + look.general + 8 * 2], edx
    mov [LOOK + look.general + 8 * 3], ebx
    mov [LOOK + look.general + 8 * 4], esp
    mov [LOOK + look.general + 8 * 5], ebp
    mov [LOOK + look.general + 8 * 6], esi
    mov [LOOK + look.general + 8 * 7], edi
    mov esp, STACK
    pushfd
    pop dword [LOOK + look.flags]
    mov dword [LOOK + look.mark], MARK
    save_through 0, es
    save_through 1, cs
    save_through 2, ss
    save_through 3, ds
    save_through 4, fs
    save_through 5, gs
    o32 sgdt [LOOK + look.gdtr]
    o32 sidt [LOOK + look.idtr]
    save_control cr0, cr0
    save_control cr2, cr2
    save_control cr3, cr3
    save_control cr4, cr4
    save_control dr + 8 * 0, dr0
    save_control dr + 8 * 1, dr1
    save_control dr + 8 * 2, dr2
    save_control dr + 8 * 3, dr3
    save_control dr6, dr6
    save_control dr7, dr7
    save_msr efer, IA32_EFER
    save_msr fs_base, IA32_FS_BASE
    save_msr gs_base, IA32_GS_BASE
%endmacro

%macro fill 1-*
%rep %0
    mov %1, 0x1122334455667788
%rotate 1
%endrep
%endmacro

extern start_loaded                     ; start.asm
extern look_xsave, look_at_others       ; look.c
global look_first, look_each, look_real_mode, look_real_mode_end, fill_and_wait

section .text
bits 32
look_first:
    save_registers
    mov eax, [LOOK + look.general + 8 * 0]
    mov ebx, [LOOK + look.general + 8 * 3]
    jmp start_loaded

; Copied to LOOK_PAGE, in place of trampoline.asm, to which it goes on. CS's base is that page: the
; word through CS is another one.
section .rodata
bits 16
look_real_mode:
    save_registers
    jmp (TRAMPOLINE >> 4):0
look_real_mode_end:

section .text
bits 64
look_each:
    push rdi
    push rsi
    push rbx
%assign n 8
%rep 8
    mov [LOOK + look.upper + 8 * (n - 8)], r%[n]
%assign n n + 1
%endrep
    mov rax, cr8
    mov [LOOK + look.cr8], rax
    sldt [LOOK + look.ldtr]
    str [LOOK + look.tr]
    mov rax, cr4
    or eax, CR4_OSFXSR | CR4_OSXSAVE
    mov cr4, rax
    xor ecx, ecx
    xgetbv
    mov [LOOK + look.xcr0], eax
    mov [LOOK + look.xcr0 + 4], edx
    mov eax, CPUID_LEAF_XSTATE
    cpuid
    xor ecx, ecx
    xsetbv                              ; all that is offered
    mov eax, -1
    mov edx, eax
    xsave64 [look_xsave]
    mov eax, [LOOK + look.xcr0]
    mov edx, [LOOK + look.xcr0 + 4]
    xsetbv
    call look_at_others
    pop rbx
    pop rsi
    pop rdi
    ret

; Fills the general-purpose registers and the flags and never returns.
fill_and_wait:
    push qword 0x247cd5                 ; ID, AC, NT, IOPL, OF, DF, SF, ZF, AF, PF, CF
    popfq
    fill rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
.wait:
    cli                                 ; for Bochs: pause() in guest/lib/instructions.h
    pause
    jmp .wait
