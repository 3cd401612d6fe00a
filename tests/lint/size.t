#!/usr/bin/env perl
# Limits of size. A file has at most 400 lines: a longer one contains two ideas. Each of the three parts
# of the tree below has a limit of lines of code, without blank lines and comments.
use strict;
use warnings;
use lib "$ENV{LINT_HOME}/tests/lib";
use Test::More;
use Tree qw(files read_text count_lines);

my $LONG = 400;

# A room counts in the first part that names it. LINT_LINES is for the self-test.
my @parts = (
    ['vmm/interrupts', qr{^vmm/interrupts/}, 2_500],
    ["the guest's PC (devices, pc, loaders, emulate)", qr{^vmm/(?:devices|pc|loaders|emulate)/}, 9_000],
    ['the rest of lib, arch, boot, drivers and vmm', qr{^(?:lib|arch|boot|drivers|vmm)/}, $ENV{LINT_LINES} // 13_000],
);

my %reason;
if (-e 'tests/lint/long-files') {
    for (grep { /\S/ && !/^#/ } split /\n/, read_text('tests/lint/long-files')) {
        my ($path, $reason) = split ' ', $_, 2;
        $reason{$path} = $reason;
        ok(defined $reason, "long-files gives a reason for $path");
        ok(-e $path && read_text($path) =~ tr/\n// > $LONG, "long-files needs to list $path");
    }
}
my @code = grep { /\.(?:[ch]|asm|asl|awk|pm|t|py|pl|sh|mk|m?js|css)$|^Makefile$|^tools\/[^.]+$/ } files();
for my $path (@code) {
    my $lines = read_text($path) =~ tr/\n//;
    ok($lines <= $LONG || $reason{$path}, "$path is short enough to read ($lines lines)");
}

my @counted = grep { /\.(?:[ch]|asm|asl)$/ } @code;
for (@parts) {
    my ($name, $paths, $most) = @$_;
    my $lines = count_lines(grep { /$paths/ } @counted);
    @counted = grep { !/$paths/ } @counted;
    cmp_ok($lines, '<=', $most, "$name: $lines lines of code of at most $most");
    diag("$name: $lines lines of code of at most $most");
}
done_testing();
