# Prints the number of lines of C and assembly that contain code. Comment marks within strings are not
# recognized as such.

FNR == 1 { inside = 0 }

{
    line = $0
    if (FILENAME ~ /\.asm$/) {
        sub(/;.*/, "", line)
    } else {
        code = ""
        while (line != "") {
            mark = index(line, inside ? "*/" : "/*")
            if (!mark) {
                if (!inside)
                    code = code line
                break
            }
            if (!inside)
                code = code substr(line, 1, mark - 1)
            line = substr(line, mark + 2)
            inside = !inside
        }
        line = code
        sub(/\/\/.*/, "", line)
    }
    if (line ~ /[^ \t]/)
        count++
}

END { print count + 0 }
