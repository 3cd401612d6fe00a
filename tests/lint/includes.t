#!/usr/bin/env perl
# Who may include whom: docs/architecture.md, "How the code fits together". The compiler says what a
# file includes, headers' headers too.
use strict;
use warnings;
use lib "$ENV{LINT_HOME}/tests/lib";
use Test::More;
use Tree qw(source_files dependencies);

my $registers = qr{^(?:arch/(?:msr|control_registers|apic_registers)|lib/(?:memory|format))\.h$};
my %may = (
    lib => qr{^lib/},
    arch => qr{^(?:lib|arch)/},
    drivers => qr{^(?:lib|arch|drivers)/},
    vmm => qr{^(?:lib|arch|drivers|vmm)/},
    boot => qr{^(?:lib|arch|drivers|boot)/},
    guest => qr{^guest/|$registers},
);

my %folder = map { $_ => m{^([^/]+)/} ? $1 : '' } source_files();
my @paths = grep { $may{$folder{$_}} } sort keys %folder;
my %includes = dependencies(@paths);
for my $path (@paths) {
    my $may = $may{$folder{$path}};
    my @wrong = grep { !/$may/ } @{$includes{$path} // []};
    is("@wrong", '', "$path includes only what its folder may");
}
done_testing();
