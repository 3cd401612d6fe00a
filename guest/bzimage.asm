; A bzImage that a boot loader takes for a Linux kernel: it checks the state in which it was entered
; and its boot parameters, reports the results, and ends. Linux, Documentation/arch/x86/boot.rst,
; "The Real-Mode Kernel Header" and "64-bit Boot Protocol"; zero-page.rst.
;
; A flat file that runs at any address. Tests make damaged kernels from it.

%define UART_DATA         0x3f8
%define UART_LINE_CONTROL 0x3fb
%define UART_LINE_STATUS  0x3fd
%define EXIT_PORT         0xf4

%define ZERO_RSDP           0x070
%define ZERO_E820_ENTRIES   0x1e8
%define ZERO_SIGNATURE      0x202
%define ZERO_TYPE_OF_LOADER 0x210
%define ZERO_RAMDISK_IMAGE  0x218
%define ZERO_RAMDISK_SIZE   0x21c
%define ZERO_CMD_LINE_PTR   0x228
%define ZERO_E820           0x2d0

%define BOOT_CS   0x10
%define BOOT_DS   0x18
%define RFLAGS_IF (1 << 9)
%define CR0_PG    (1 << 31)
%define IA32_EFER 0xc0000080
%define EFER_LMA  (1 << 10)

%define INIT_SIZE 0x100000

bits 64
default rel
org 0

; ---- the boot sector and one setup sector: only the header is used ----

file:
    times 0x1f1 - ($ - file) db 0
    db 1                                ; setup_sects
    dw 0                                ; root_flags
    dd (code_end - code) / 16           ; syssize
    dw 0, 0, 0, 0xaa55                  ; ram_size, vid_mode, root_dev, boot_flag
    db 0xeb, header_end - signature     ; jump
signature:
    db "HdrS"
    dw 0x020f                           ; version
    dd 0                                ; realmode_swtch
    dw 0, 0                             ; start_sys_seg, kernel_version
    db 0, 1                             ; type_of_loader, loadflags: LOADED_HIGH
    dw 0                                ; setup_move_size
    dd 0x100000                         ; code32_start
    dd 0, 0, 0                          ; ramdisk_image, ramdisk_size, bootsect_kludge
    dw 0                                ; heap_end_ptr
    db 0, 0                             ; ext_loader_ver, ext_loader_type
    dd 0                                ; cmd_line_ptr
    dd 0x7fffffff                       ; initrd_addr_max
    dd 0x200000                         ; kernel_alignment
    db 1, 12                            ; relocatable_kernel, min_alignment
    dw 1                                ; xloadflags: XLF_KERNEL_64
    dd 255                              ; cmdline_size
    dd 0                                ; hardware_subarch
    dq 0                                ; hardware_subarch_data
    dd 0, 0                             ; payload_offset, payload_length
    dq 0                                ; setup_data
    dq 0x200000                         ; pref_address
    dd INIT_SIZE                        ; init_size
    dd 0, 0                             ; handover_offset, kernel_info_offset
header_end:
    times 1024 - ($ - file) db 0

; ---- the kernel ----

code:
    times 0x200 hlt                     ; the 32-bit entry point, which is not used

; `report CONDITION, "text"`: prints a TAP line for a condition of the flags, as in SETcc.
%macro report 2
    set%1 al
    lea rsi, [%%text]
    call report_line
    jmp %%done
%%text: db %2, 0
%%done:
%endmacro

; `show "text", REGISTER`: prints the string at that address in a comment line.
%macro show 2
    mov rbx, %2
    lea rsi, [%%text]
    call print
    mov rsi, rbx
    call print
    lea rsi, [new_line]
    call print
    jmp %%done
%%text: db "# ", %1, 0
%%done:
%endmacro

entry:
    mov rbp, rsi                        ; the zero page
    pushfq                              ; the loader provides a stack
    pop r12
    mov dx, UART_LINE_CONTROL
    mov al, 3                           ; eight data bits, no parity, one stop bit
    out dx, al

    test r12, RFLAGS_IF
    report z, "interrupts are off"
    mov ecx, IA32_EFER
    rdmsr
    test eax, EFER_LMA
    report nz, "the processor is in IA-32e mode"
    mov rax, cr0
    bt rax, 31
    report c, "paging is on"
    mov eax, cs
    cmp eax, BOOT_CS
    report e, "CS is __BOOT_CS"
    mov eax, ds
    mov ecx, es
    mov edx, ss
    xor ecx, eax
    xor edx, eax
    or ecx, edx
    xor eax, BOOT_DS
    or ecx, eax
    report z, "DS, ES and SS are __BOOT_DS"

    ; Loads them again from the GDT: an invalid descriptor faults.
    mov eax, BOOT_DS
    mov ds, eax
    mov es, eax
    mov ss, eax
    lea rax, [.reloaded]
    push BOOT_CS
    push rax
    o64 retf
.reloaded:
    xor eax, eax
    report z, "the GDT contains these segments"

    cmp dword [rbp + ZERO_SIGNATURE], "HdrS"
    report e, "RSI points to the zero page, which contains the header"
    cmp byte [rbp + ZERO_TYPE_OF_LOADER], 0xff
    report e, "type_of_loader is FFH"
    cmp byte [rbp + ZERO_E820_ENTRIES], 4
    report e, "the memory map has four ranges"
    ; The last range is the memory from 1 MiB: its last 8 bytes can be written and read.
    mov rax, [rbp + ZERO_E820 + 3 * 20]
    add rax, [rbp + ZERO_E820 + 3 * 20 + 8]
    mov rcx, 0x1122334455667788
    mov [rax - 8], rcx
    cmp [rax - 8], rcx
    report e, "memory reaches the end of its last range"
    mov rax, [rbp + ZERO_RSDP]
    mov rcx, "RSD PTR "
    cmp [rax], rcx
    report e, "the RSDP is at the address in the zero page"
    lea rax, [rel code]
    test rax, 0x1fffff
    report z, "the kernel is aligned to 2 MiB"

    mov eax, [rbp + ZERO_CMD_LINE_PTR]
    show "command line: ", rax
    cmp dword [rbp + ZERO_RAMDISK_SIZE], 0
    je .plan
    mov eax, [rbp + ZERO_RAMDISK_IMAGE]
    test eax, 0xfff
    report z, "the initial RAM disk is page-aligned"
    mov eax, [rbp + ZERO_RAMDISK_IMAGE] ; the test puts a line of text there
    show "initrd: ", rax

.plan:
    lea rsi, [plan]
    call print
    mov eax, [count]
    call print_number
    lea rsi, [new_line]
    call print
    mov eax, [failed]
    mov dx, EXIT_PORT
    out dx, eax
.stop:
    cli
    hlt
    jmp .stop

; Prints a TAP line. AL: 1 if the test passed. RSI: the text.
report_line:
    push rsi
    inc dword [count]
    lea rsi, [ok]
    test al, al
    jnz .print
    inc dword [failed]
    lea rsi, [not_ok]
.print:
    call print
    mov eax, [count]
    call print_number
    lea rsi, [dash]
    call print
    pop rsi
    call print
    lea rsi, [new_line]

; Prints the string at RSI.
print:
    mov dx, UART_LINE_STATUS
    in al, dx
    test al, 0x20
    jz print
    lodsb
    test al, al
    jz .done
    mov dx, UART_DATA
    out dx, al
    jmp print
.done:
    ret

; Prints EAX, which is less than 100, in decimal.
print_number:
    mov cl, 10
    div cl
    add ax, "00"
    mov [digits], ax
    lea rsi, [digits]
    cmp byte [rsi], "0"
    jne print
    inc rsi
    jmp print

ok:       db "ok ", 0
not_ok:   db "not ok ", 0
dash:     db " - ", 0
plan:     db "1..", 0
new_line: db 10, 0
digits:   db 0, 0, 0
align 4
count:    dd 0
failed:   dd 0
align 16, db 0
code_end:
