# Makes a program report which lines of its source run: after each .loc of WebAssembly assembly that
# clang has written, a call of page_line() with the number of the file and of the line.
#
# -v files="FILE ..."  only lines of these files; a file's number is its place in the list, from 0
#
# Such a call takes one operand of its own and returns nothing, so it may stand between any two
# instructions of a function. The types of all functions are printed first: clang 14 writes that of a
# static function only where it is defined, none for the calls that it makes up itself (memcpy, memset),
# and reads a call only after the type.

BEGIN {
    count = split(files, list, " ")
    for (i = 1; i <= count; i++)
        number[list[i]] = i - 1
    print "\t.functype\tpage_line (i32) -> ()"
    print "\t.functype\tmemcpy (i32, i32, i32) -> (i32)"
    print "\t.functype\tmemset (i32, i32, i32) -> (i32)"
}

function add(text) { lines[added++] = text }

/^\t\.functype\t/ { print }

{ add($0) }

/^\t\.file\t[0-9]+ / {
    split($0, quoted, "\"")
    name = quoted[4] == "" ? quoted[2] : quoted[4]
    sub(/^\.\//, "", name)
    file[$2] = name
}

# The first .loc of a function comes before its type and its locals.
/^# %bb\.0:/ { inside = 1; last = 0 }
/^\tend_function/ { inside = 0 }

/^\t\.loc\t/ && inside && $3 > 0 && file[$2] in number {
    line = number[file[$2]] * 4096 + $3
    if (line != last)
        add("\ti32.const\t" line "\n\tcall\tpage_line")
    last = line
}

END {
    for (i = 0; i < added; i++)
        print lines[i]
}
