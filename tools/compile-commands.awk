# Turns the output of `make -n` into a compilation database: an entry for each call of a compiler on
# a C file. -v directory=WHERE is where make was called.

BEGIN { separator = "[\n" }

match($0, / -[cS] [^ ]+\.c -o /) {
    file = substr($0, RSTART + 4, RLENGTH - 8)
    command = $0
    sub(/^[ \t]+/, "", command)
    gsub(/\\/, "\\\\", command)
    gsub(/"/, "\\\"", command)
    printf "%s  {\"directory\": \"%s\", \"file\": \"%s\",\n   \"command\": \"%s\"}", separator,
        directory, file, command
    separator = ",\n"
}

END { print separator == "[\n" ? "[]" : "\n]" }
