# Turns `nm -n` output of the hypervisor into a NASM file with its symbol table, for backtraces
# that show names. The layout is described in arch/symbols.h, which reads it.
#
# Only functions and labels in the text (types t and T), one per address; the marks that the link
# map sets (image_...) are left out. The addresses come sorted, as nm -n prints them.

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
