#!/usr/bin/env perl
# What make rebuilds after a change of flags: what is made with them, and nothing else. And
# compile_commands.json, which editors and clang-tidy read, has an entry for every C file. And the compiler uses the thunks.
use strict;
use warnings;
use lib "$ENV{LINT_HOME}/tests/lib";
use Test::More;
use Tree qw(source_files read_text);

my %known = map { $_ => 1 } read_text('compile_commands.json') =~ /"file": "([^"]+)"/g;
ok($known{$_}, "compile_commands.json has an entry for $_") for grep { /\.c$/ } source_files();

# The objects, programs and images that make would build for `all` and the unit tests.
sub steps {
    my ($change) = @_;
    local ($ENV{MAKEFLAGS}, $ENV{MAKELEVEL}, $ENV{MFLAGS}) = ('', '', '');
    my $output = `make -n B=$ENV{B} $change all unit-tests 2>&1`;
    is($?, 0, "make runs with $change") or diag($output);
    return map { s{^\Q$ENV{B}\E/}{}r } $output =~ / (?:-o|rcs) (\S+)/g;
}

sub rebuilds {
    my ($change, $what) = @_;
    my @steps = steps($change);
    my @others = grep { !/$what/ } @steps;
    ok(@steps > 0, "$change rebuilds something");
    is("@others", '', "$change rebuilds what it concerns, nothing else");
}

# Without enhanced IBRS a guest may have trained the targets of indirect branches: arch/thunks.asm.
sub indirect_branches {
    return grep { /\t(?:notrack )?(?:call|jmp)q?\s+\*/ } split /\n/, `objdump -d $ENV{B}/pinwheel.elf`;
}

if (-e 'Makefile') {
    is(join("\n", indirect_branches()), '', 'the hypervisor has no indirect branch but by its thunks');
    is(join(' ', steps('')), '', 'without a change nothing is built');
    rebuilds('HOST_CC=other', qr{^host/});
    rebuilds('GUEST_LD=other', qr{^guest/(?:labs/)?[^/]+\.elf64$});
    rebuilds('EFI_LIB=/other', qr{^boot/boot\.so$});
    rebuilds('HV_CFLAGS=-O3', qr{^hv/|^pinwheel\.elf$|^boot/boot/image\.asm\.o$|^boot/boot\.so$});
}
done_testing();
