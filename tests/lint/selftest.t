#!/usr/bin/env perl
# The lint must be able to fail: each rule is tried on a small tree that breaks it, and on one that
# does not.
use strict;
use warnings;
use Cwd 'getcwd';
use File::Copy 'copy';
use File::Path 'make_path';
use File::Temp 'tempdir';
use Test::More;

my $home = getcwd();
local $ENV{LINT_HOME} = $home;

# A tree that every rule is content with.
my %good = (
    'arch/pure.h' => "#pragma once\n#include <stdint.h>\n\nuint32_t pure_add(uint32_t value);\n",
    'arch/pure.c' => "#include \"arch/pure.h\"\n\nuint32_t pure_add(uint32_t value) {\n"
        . "    return value + 1;\n}\n",
    'vmm/machine.h' => "#pragma once\n#include \"arch/pure.h\"\n\nvoid machine_stop(void);\n",
    'vmm/machine.c' => "#include \"vmm/machine.h\"\n\nstatic uint32_t calls;\n\n"
        . "void machine_stop(void) {\n    calls = pure_add(calls);\n    __asm__ volatile(\"hlt\");\n}\n",
    'vmm/entry.asm' => "global entry\nentry:\n    ret\n",
    'vmm/entry.h' => "#pragma once\n\nvoid entry(void);\n",
    'tests/lint/rooms' => "arch pure=pure.c\nvmm/core knot\nvmm\nguest uses=arch/pure.h entry=main\n",
    'compile_commands.json' => join(",\n", map { qq({"directory": ".", "file": "$_", "command": "gcc -I. -c $_ -o x.o"}) }
        'arch/pure.c', 'vmm/machine.c'),
    'tools/hello' => "#!/usr/bin/env bash\necho \"\${1:-hello}\"\n",
);

# Compiles what can be compiled of these files as the Makefile would, and returns the objects.
sub objects {
    my ($dir, @paths) = @_;
    my @objects;
    for (sort @paths) {
        my ($stem, $suffix) = /^(.*)(\.c|\.asm)$/ or next;
        my $object = "build/hv/$stem" . ($suffix eq '.asm' ? '.asm.o' : '.o');
        make_path("$dir/$object" =~ s{/[^/]+$}{}r);
        my $command = $suffix eq '.asm' ? 'nasm -f elf64' : 'gcc -I. -ffreestanding -c';
        push @objects, $object if !system "cd '$dir' && $command $_ -o $object 2>/dev/null";
    }
    return @objects;
}

# Runs one lint on a tree with these files changed. Returns its status and output.
sub lint {
    my ($rule, %changes) = @_;
    my $dir = tempdir(CLEANUP => 1);
    my %files = (%good, %changes);
    for my $path (keys %files) {
        make_path("$dir/" . ($path =~ s{[^/]+$}{}r));
        open my $file, '>', "$dir/$path" or die "$path: $!";
        print $file $files{$path};
    }
    copy("$home/$_", "$dir/$_") for '.clang-format', '.clang-tidy';
    local $ENV{PURE} = 'arch/pure.c';
    local $ENV{B} = 'build';
    local $ENV{LINT_OBJECTS} = join ' ', objects($dir, keys %files);
    my $output = `cd '$dir' && '$home/tests/lint/$rule.t' 2>&1`;
    return ($?, $output);
}

for my $rule (qw(rooms headers pure build tidy docs readme format size portable)) {
    my ($status, $output) = lint($rule);
    is($status, 0, "$rule passes on a good tree") or diag($output);
}

# breaks(what, rule, the text of the check that must fail, changes...)
sub breaks {
    my ($what, $rule, $check, %changes) = @_;
    my ($status, $output) = lint($rule, %changes);
    my @failed = grep { /^not ok/ } split /\n/, $output;
    ok($status != 0 && grep({ /\Q$check\E/ } @failed), "$rule fails on $what") or diag($output);
}

# passes(what, rule, changes...)
sub passes {
    my ($what, $rule, %changes) = @_;
    my ($status, $output) = lint($rule, %changes);
    is($status, 0, "$rule passes $what") or diag($output);
}

my $add = $good{'arch/pure.c'};
my %upward = ('arch/wrong.c' => "#include \"vmm/machine.h\"\n");
my %call = ('arch/wrong.c' => "void machine_stop(void);\nvoid wrong(void);\n\nvoid wrong(void) {\n    machine_stop();\n}\n");
breaks('an include from a higher room', 'rooms', 'arch/wrong.c includes only', %upward);
breaks('a guest that includes the hypervisor', 'rooms', 'guest/wrong.c includes only',
       'guest/wrong.c' => "#include \"vmm/machine.h\"\n");
breaks('an include that comes by another header', 'rooms', 'arch/wrong.c includes only',
       'arch/wrong.c' => "#include \"arch/wrong.h\"\n",
       'arch/wrong.h' => "#pragma once\n#include \"vmm/machine.h\"\n");
breaks('a call of a higher room', 'rooms', 'arch/wrong calls only', %call);
breaks('a folder that is no room', 'rooms', 'vmm/other/new.h is in a room',
       'vmm/other/new.h' => "#pragma once\n");
breaks('a cycle between rooms', 'rooms', 'no cycle between rooms', %call);

# Two modules of a room that call each other.
sub knot {
    my ($room) = @_;
    return map { my ($a, $b) = @$_; ("$room/$a.c" => "void $a(void);\nvoid $b(void);\n\nvoid $a(void) {\n    $b();\n}\n") }
        ['one', 'two'], ['two', 'one'];
}
breaks('a knot', 'rooms', 'no cycle of calls in arch: arch/one arch/two', knot('arch'));
passes('a knot where one may be', 'rooms', knot('vmm/core'));
breaks('a picture of the rooms as they were', 'rooms', 'docs/rooms.svg shows', 'docs/rooms.svg' => "<svg></svg>\n");

breaks('a declaration of what another module defines', 'headers', 'vmm/other.h declares only',
       'vmm/other.h' => "#pragma once\n\nvoid machine_stop(void);\n");
breaks('a declaration of what nothing defines', 'headers', 'vmm/machine.h declares only',
       'vmm/machine.h' => "$good{'vmm/machine.h'}void machine_start(void);\n");
breaks('a variable of another module', 'headers', 'vmm/other.h declares only',
       'vmm/other.h' => "#pragma once\n\nextern const int machine_count[];\n",
       'vmm/machine.c' => "extern const int machine_count[2];\nconst int machine_count[2] = {1, 2};\n$good{'vmm/machine.c'}");
breaks('a module whose name continues that of a header', 'headers', 'vmm/machine.h declares only',
       'vmm/machine.h' => "$good{'vmm/machine.h'}void machine_more(void);\n",
       'vmm/machine_part.h' => "#pragma once\n\nvoid machine_more(void);\n",
       'vmm/machine_part.c' => "#include \"vmm/machine_part.h\"\n\nvoid machine_more(void) {\n}\n");
passes('a module with a second file', 'headers',
       'vmm/machine.h' => "$good{'vmm/machine.h'}void machine_more(void);\n",
       'vmm/machine_part.c' => "#include \"vmm/machine.h\"\n\nvoid machine_more(void) {\n}\n");
passes("a library's header with what each program defines", 'headers',
       'guest/lib/start.h' => "#pragma once\n\nvoid main(void);\n");
breaks('a header that needs another', 'headers', 'arch/wrong.h compiles alone',
       'arch/wrong.h' => "#pragma once\n\nuint32_t wrong(void);\n");
breaks('a header without a guard', 'headers', 'arch/wrong.h may be included twice',
       'arch/wrong.h' => "void wrong(void);\n");
breaks('a pure module with a variable', 'pure', 'has no variables',
       'arch/pure.c' => "$add\nextern uint32_t pure_calls;\nuint32_t pure_calls;\n");
breaks('a pure module with a hidden variable', 'pure', 'has no variables',
       'arch/pure.c' => $add =~ s/    return/    static uint32_t calls = 1;\n    return calls++ +/r);
breaks('a pure module with an instruction', 'pure', 'arch/pure.c contains no instructions',
       'arch/pure.c' => $add =~ s/    return/    __asm__ volatile("cli");\n    return/r);
breaks('a pure module that calls another', 'pure', 'calls only pure functions',
       'arch/pure.c' => $add =~ s/    return/    void stop(void);\n    stop();\n    return/r);
breaks('a pure module with a header that is not', 'pure', 'includes only pure headers',
       'arch/pure.c' => "#include \"vmm/machine.h\"\n$add");
breaks('a pure module that uses the C library', 'pure', 'no other standard header',
       'arch/pure.c' => "#include <stdlib.h>\n$add");
breaks('a C file that the build does not know', 'build', 'an entry for vmm/new.c', 'vmm/new.c' => "int new;\n");
breaks('a comparison with itself', 'tidy', 'arch/pure.c is clean',
       'arch/pure.c' => $add =~ s/value \+ 1/value == value/r);
breaks('a path that leads to address 0', 'tidy', 'arch/pure.c is clean',
       'arch/pure.c' => $add =~ s/    return/    const uint32_t *next = value ? &value : 0;\n    return *next +/r);
breaks('a mistake in a header', 'tidy', 'arch/pure.h is clean',
       'arch/pure.h' => "$good{'arch/pure.h'}\nstatic inline int two(int a, int b) {\n    return a == a && b;\n}\n");
breaks('a layout of its own', 'format', 'arch/pure.c',
       'arch/pure.c' => $add =~ s/    return/  return/r);
breaks('a sloppy script', 'format', 'tools/hello', 'tools/hello' => "#!/usr/bin/env bash\necho \$1\n");
breaks('a long file', 'size', 'vmm/long.c', 'vmm/long.c' => "/* . */\n" x 401);
breaks('a long file without a reason', 'size', 'gives a reason', 'vmm/long.c' => "/* . */\n" x 401,
       'tests/lint/long-files' => "vmm/long.c\n");
breaks('a list of long files with one too many', 'size', 'needs to list',
       'tests/lint/long-files' => "arch/pure.c it was long once\n");
breaks('a path of a single machine', 'portable', 'tools/hello',
       'vmm/entry.asm' => "global entry\nentry:\n    ret\n",
    'vmm/entry.h' => "#pragma once\n\nvoid entry(void);\n",
    'tests/lint/rooms' => "arch pure=pure.c\nvmm/core knot\nvmm\nguest uses=arch/pure.h entry=main\n",
    'tools/hello' => $good{'tools/hello'} . "cat /" . "home/someone/x\n");
breaks('blanks at the end of a line', 'portable', 'no blanks', 'README.md' => "text \nmore\n");
breaks('a file without an end', 'portable', 'ends with one newline', 'README.md' => 'text');

my %page = ('docs/page.md' => "# Page\n\n## The `scan`, and more\n\n<a id=\"here\"></a>[a](#the-scan-and-more) [b](../README.md)\n",
    'README.md' => "# All\n\n[page](docs/page.md#here), [page](docs/page.md#page), [page.md](docs/page.md), \"Page\"\n",
    'docs/interrupts.md' => "# Heart\n\n## Invariants\n\n1. one\n2. two\n3. three\n\n## More\n\n4. no invariant\n\nAll 3 invariants.\n",
    'Makefile' => ".PHONY: run\nrun: ## boots\n#: FAST=0: skips the rest\n",
    'tests/README.md' => "Type `make run FAST=1`:\n\n    make run   and wait\n",
    'vmm/note.h' => "/* docs/page.md, \"The scan, and\n * more\"; invariants 1 to 3; (I2). */\n#pragma once\n");
passes('pages with links and citations', 'docs', %page);
sub page {
    my ($path, $more) = @_;
    return (%page, $path => $page{$path} . $more);
}
breaks('a link to nowhere', 'docs', 'README.md: each link', page('README.md', "[x](docs/none.md)\n"));
breaks('a link out of the tree', 'docs', 'README.md: each link', page('README.md', "[x](../README.md)\n"));
breaks('a picture that is not there', 'docs', 'docs/page.md: each link', page('docs/page.md', "![x](none.svg)\n"));
breaks('an anchor that is not there', 'docs', 'README.md: each link', page('README.md', "[x](docs/page.md#none)\n"));
breaks('an anchor of the page itself', 'docs', 'docs/page.md: each link', page('docs/page.md', "[x](#none)\n"));
breaks('a page that is not there', 'docs', 'vmm/note.h: each page', page('vmm/note.h', "/* docs/none.md */\n"));
breaks('a section that is not there', 'docs', 'vmm/note.h: each page', page('vmm/note.h', "/* docs/page.md,\n * \"None\" */\n"));
breaks('a linked section that is not there', 'docs', 'README.md: each page', page('README.md', "[page.md](docs/page.md), \"None\"\n"));
breaks('a citation without a page', 'docs', 'vmm/note.h: each page', page('vmm/note.h', "/* See the docs. */\n"));
breaks('an invariant that is not there', 'docs', 'vmm/note.h: each invariant', page('vmm/note.h', "/* Invariant 4. */\n"));
breaks('a range of invariants', 'docs', 'vmm/note.h: each invariant', page('vmm/note.h', "/* invariants 1 and 2\n * to 4 */\n"));
breaks('an invariant in parentheses', 'docs', 'vmm/note.h: each invariant', page('vmm/note.h', "/* kept (I4) */\n"));
breaks('a wrong number of invariants', 'docs', 'README.md: there are 3', page('README.md', "The 4 invariants.\n"));
my %shown = ('docs/book/1.md' => "# One\n\n[x](../../arch/one.c \"code: start\")\n\n[y](../../arch/one.c \"lines: ^void%s\")\n");
passes('a book with code', 'docs', %page, %shown, 'arch/one.c' => "void start(void) {\n}\n");
breaks('a book with code that is gone', 'docs', 'docs/book/1.md: the code', %page, %shown, 'arch/one.c' => "void begin(void) {\n}\n");
breaks('a book with a line that is gone', 'docs', 'docs/book/1.md: the code', %page, %shown, 'arch/one.c' => "int start(void) {\n}\n");
breaks('a command that make does not know', 'docs', 'tests/README.md: make knows', page('tests/README.md', "    make walk\n"));
breaks('a variable that make does not know', 'docs', 'tests/README.md: make knows', page('tests/README.md', "`make run SLOW=1`\n"));
breaks('a row of what works without a test', 'readme', 'exists: flying', page('README.md', "\n## What works\n\n| what | how |\n|---|---|\n| flying | it was seen |\n\n## More\n"));
breaks('a row of what works with a test that is not there', 'readme', 'exists: flying',
       page('README.md', "\n## What works\n\n| what | how |\n|---|---|\n| flying | `tests/wings.t` |\n\n## More\n"));
breaks('another number of mutants', 'readme', 'as many mistakes', page('README.md', "2 mistakes, each found\n"),
       'tests/model/mutants/one.mutant' => "It is wrong.\n", 'docs/page.md' => "1 hypervisors with a mistake\n", 'docs/model.md' => "**1,000,000** and **2,000,000**\n");
breaks('a table that cannot be read', 'docs', 'README.md: no table cell', page('README.md', '| a | ' . 'b' x 300 . " |\n"));

my ($status, $output) = do {
    local $ENV{LINT_LINES} = 10;
    lint('size', 'vmm/comments.c' => "/* a\n * b */ int x; /* c */\n// d\n\nint y; /* e\nf */\n",
         'vmm/comments.asm' => "; a\n\n    nop ; b\n", 'guest/other.c' => "int z;\n");
};
like($output, qr/^not ok .*: 24 lines of code of at most 10$/m, 'size counts lines of code, and only those');
done_testing();
