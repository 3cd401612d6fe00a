# Prints the patterns of the pure modules' files, from tests/lint/rooms.
/^[a-z]/ {
    for (i = 2; i <= NF; i++) {
        if ($i == "pure")
            print $1 "/*.c"
        count = sub(/^pure=/, "", $i) ? split($i, files, ",") : 0
        for (j = 1; j <= count; j++)
            print $1 "/" files[j]
    }
}
