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
    'tools/hello' => "#!/usr/bin/env bash\necho \"\${1:-hello}\"\n",
);

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
    copy("$home/.clang-format", "$dir/.clang-format");
    local $ENV{PURE} = 'arch/pure.c';
    my $output = `cd '$dir' && '$home/tests/lint/$rule.t' 2>&1`;
    return ($?, $output);
}

for my $rule (qw(includes headers pure format size portable)) {
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

my $add = $good{'arch/pure.c'};
breaks('an include from a folder to the right', 'includes', 'arch/wrong.c',
       'arch/wrong.c' => "#include \"vmm/machine.h\"\n");
breaks('a guest that includes the hypervisor', 'includes', 'guest/wrong.c',
       'guest/wrong.c' => "#include \"vmm/machine.h\"\n");
breaks('an include that comes by another header', 'includes', 'arch/wrong.c',
       'arch/wrong.c' => "#include \"arch/wrong.h\"\n",
       'arch/wrong.h' => "#pragma once\n#include \"vmm/machine.h\"\n");
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
breaks('a layout of its own', 'format', 'arch/pure.c',
       'arch/pure.c' => $add =~ s/    return/  return/r);
breaks('a sloppy script', 'format', 'tools/hello', 'tools/hello' => "#!/usr/bin/env bash\necho \$1\n");
breaks('a long file', 'size', 'vmm/long.c', 'vmm/long.c' => "/* . */\n" x 401);
breaks('a long file without a reason', 'size', 'gives a reason', 'vmm/long.c' => "/* . */\n" x 401,
       'tests/lint/long-files' => "vmm/long.c\n");
breaks('a list of long files with one too many', 'size', 'needs to list',
       'tests/lint/long-files' => "arch/pure.c it was long once\n");
breaks('a place of one machine', 'portable', 'tools/hello',
       'tools/hello' => $good{'tools/hello'} . "cat /" . "home/someone/x\n");
breaks('blanks at the end of a line', 'portable', 'no blanks', 'README.md' => "text \nmore\n");
breaks('a file without an end', 'portable', 'ends with one newline', 'README.md' => 'text');

my ($status, $output) = do {
    local $ENV{LINT_LINES} = 10;
    lint('size', 'vmm/comments.c' => "/* a\n * b */ int x; /* c */\n// d\n\nint y; /* e\nf */\n",
         'vmm/comments.asm' => "; a\n\n    nop ; b\n", 'guest/other.c' => "int z;\n");
};
like($output, qr/^not ok .*: 19 lines of code of at most 10$/m, 'size counts lines of code, and only those');
done_testing();
