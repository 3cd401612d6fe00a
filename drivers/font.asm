; The font of the screen, 16 bytes for each of the characters 32 to 126: see framebuffer.c. tools/font
; extracts it from a VGA BIOS.

section .rodata
global font
font:
    incbin "font.bin"
    times 95 * 16 - ($ - font) db 0 ; an error if it is larger
