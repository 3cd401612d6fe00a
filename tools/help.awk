# Prints the Makefiles' targets, which stand as "name: ... ## what it does", and the variables that a
# user may set:
#
#     #: what it is                      a variable of the Makefile, with its default
#     NAME ?= default
#
#     #: NAME=default: what it is        one that a script takes from the environment

function variable(name, value, text) {
    return sprintf("  %-18s %-28s %s\n", name, value == "" ? "-" : value, text)
}

description != "" && match($0, /^[A-Z_]+ *[:?]?= */) {
    name = $1
    ours = ours variable(name, substr($0, RLENGTH + 1), description)
}

{ description = "" }

/^#: [A-Z0-9_]+=/ {
    name = substr($2, 1, index($2, "=") - 1)
    sub(/^#: [^=]*=/, "")
    value = substr($0, 1, index($0, ": ") - 1)
    scripts = scripts variable(name, value, substr($0, length(value) + 3))
    next
}

/^#: / { description = substr($0, 4) }

match($0, /^[a-z_.-]+:.*## /) {
    target = substr($0, 1, index($0, ":") - 1)
    targets = targets sprintf("  make %-22s %s\n", target, substr($0, RLENGTH + 1))
}

END {
    print "Pinwheel " version "\n\n" targets
    print "Variables, as in `make run EMU=bochs`, and their defaults:\n\n" scripts ours
}
