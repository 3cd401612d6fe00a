; A kernel as students write it, and as it is nowhere specified: what such kernels demand of a PC.
;
; It is linked to 2 GiB + 1 MiB and loaded at 1 MiB, with the physical address of its entry point in
; the ELF header; it asks for a video mode that it does not need (Multiboot flag 2); it calls
; functions before it has set up a stack; it prints on the text screen at B8000H and nowhere else,
; where the CRT controller's cursor is; it looks for the BIOS data area, the size of memory in CMOS,
; an MP table, and waits until the keyboard controller has no data. Then it switches off through
; QEMU's PM1 control register. It runs without paging, so all of its addresses are physical ones:
; label - LINKED. A flat file with an ELF header of its own. Expected: tests/emulator/pc.expect.
bits 32

%define LINKED    0x80000000
%define LOADED    0x100000
%define SCREEN    0xb8000
%define CRTC      0x3d4
%define CMOS      0x70
%define KEYBOARD  0x64
%define PM1       0x604
%define PM1_OFF   0x2000
%define VIDEO     0x4
%define MEMORY_INFO 0x2

org LINKED + LOADED
%define P(label) (label - LINKED)

elf:
    db 0x7f, "ELF", 1, 1, 1
    times 9 db 0
    dw 2, 3                             ; executable, 80386
    dd 1, P(start), program - elf, 0, 0
    dw program - elf, 32, 1, 0, 0, 0
program:
    dd 1, 0, elf, P(elf), end - elf, end - elf + 4096, 7, 4096

align 4
multiboot:
    dd 0x1badb002, VIDEO | MEMORY_INFO, -(0x1badb002 + (VIDEO | MEMORY_INFO))

; report CONDITION, "text": the condition is that of a jump
%macro report 2
    set%1 al
    call report_flag                    ; relative: right wherever the file is loaded
    db %2, 0
%endmacro

start:
    cmp esp, 0x1000                     ; the stack is in memory below 640 KiB
    setae bl
    cmp esp, 0xa0000
    setbe bh
    push ebx
    call screen_init
    pop ebx
    and bl, bh
    cmp bl, 1
    report e, "the stack pointer is in low memory"
    cmp word [0x413], 639
    report e, "the BIOS data area has the size of base memory"
    movzx eax, word [0x40e]
    shl eax, 4
    cmp eax, 639 * 1024
    report e, "and the segment of the extended one, behind it"
    cmp word [0x463], CRTC
    report e, "and the port of the CRT controller"
    call wait_keyboard
    cmp ecx, 0
    report ne, "the keyboard controller has no data"
    mov bl, 0x15
    call cmos16
    cmp eax, 640
    report e, "CMOS has the size of base memory"
    mov bl, 0x17
    call cmos16
    cmp eax, 1024                       ; the configuration gives this guest 2 MiB
    report e, "CMOS has the size of extended memory"
    call find_mp
    mov ebp, esi
    cmp esi, 0
    report ne, "there is an MP table with a right checksum"
    mov esi, ebp
    call count_processors
    cmp eax, 2
    report e, "it has both vCPUs"
    mov dx, PM1
    mov ax, PM1_OFF
    out dx, ax
halt:
    cli
    hlt
    jmp halt

; Clears the screen and places the cursor in the upper left corner.
screen_init:
    mov edi, SCREEN
    mov ecx, 80 * 25
    mov ax, 0x0720
    rep stosw
    xor ebx, ebx
    jmp cursor_write

; EBX: the cursor, in characters from the start of the screen.
cursor_write:
    mov dx, CRTC
    mov al, 0x0e
    mov ah, bh
    out dx, ax
    mov al, 0x0f
    mov ah, bl
    out dx, ax
    ret

cursor_read:
    mov dx, CRTC
    mov al, 0x0e
    out dx, al
    inc dx
    in al, dx
    mov bh, al
    dec dx
    mov al, 0x0f
    out dx, al
    inc dx
    in al, dx
    mov bl, al
    movzx ebx, bx
    ret

; Prints the zero-terminated text at ESI where the cursor is.
print:
    call cursor_read
    mov ah, 0x1f
.next:
    lodsb
    test al, al
    jz cursor_write
    cmp ebx, 80 * 25
    jae .next
    mov [SCREEN + 2 * ebx], ax
    inc ebx
    jmp .next

; AL: 1: ok. The text is behind the call, and execution continues behind the text.
report_flag:
    mov esi, P(ok)
    test al, al
    jnz .print
    mov esi, P(not_ok)
.print:
    call print
    pop esi
    call print
    push esi
    call cursor_read
    mov eax, ebx                        ; a new line
    mov ecx, 80
    xor edx, edx
    div ecx
    inc eax
    mul ecx
    mov ebx, eax
    jmp cursor_write

; ECX: not 0 if the controller's output buffer became empty.
wait_keyboard:
    mov ecx, 1000
.next:
    in al, KEYBOARD
    test al, 1
    jz .done
    in al, 0x60
    loop .next
.done:
    ret

; EAX: the two bytes from offset BL.
cmos16:
    lea eax, [ebx + 1]
    out CMOS, al
    in al, CMOS + 1
    movzx ecx, al
    mov al, bl
    out CMOS, al
    in al, CMOS + 1
    movzx eax, al
    shl ecx, 8
    or eax, ecx
    ret

; ESI: the MP configuration table; 0: there is none.
find_mp:
    mov esi, 0xf0000
.next:
    cmp dword [esi], '_MP_'
    je .found
    add esi, 16
    cmp esi, 0x100000
    jb .next
    xor esi, esi
    ret
.found:
    mov ecx, 16
    call sum
    jnz .none
    mov esi, [esi + 4]
    cmp dword [esi], 'PCMP'
    jne .none
    movzx ecx, word [esi + 4]
    call sum
    jnz .none
    ret
.none:
    xor esi, esi
    ret

; The sum of ECX bytes at ESI is 0: ZF.
sum:
    xor edx, edx
.next:
    add dl, [esi + ecx - 1]
    loop .next
    test dl, dl
    ret

; EAX: the processor entries of the table at ESI. They come first.
count_processors:
    xor eax, eax
    test esi, esi
    jz .done
    add esi, 44
.next:
    cmp byte [esi], 0
    jne .done
    inc eax
    add esi, 20
    jmp .next
.done:
    ret

ok:     db "ok - ", 0
not_ok: db "not ok - ", 0
end:
