# Converts the output of `nm -n` for the hypervisor to a NASM file with its symbol table, for the names
# in a backtrace. arch/symbols.h describes the layout.
#
# The table has the functions and labels in the text section (types t and T), one per address, without
# the symbols of linker.ld (image_...). nm -n sorts by address.

BEGIN { count = 0; next_name = 0 }

NF == 3 && $2 ~ /^[tT]$/ && $3 !~ /^image_/ && $1 != last {
    last = $1
    address[count] = $1
    name[count] = $3
    place[count] = next_name
    next_name += length($3) + 1
    count++
}

END {
    print "section .symbols progbits alloc noexec nowrite align=4"
    print "    dd " count ", 0"
    for (i = 0; i < count; i++)
        print "    dd 0x" address[i] " - 0xffffffff80000000, " place[i]
    for (i = 0; i < count; i++)
        print "    db \"" name[i] "\", 0"
}
