#!/usr/bin/env perl
# Files that can be read at once: past 400 lines it is two ideas. And a hypervisor that can be read
# at all: fewer than 10000 lines in boot, arch, drivers and vmm, without blank lines and comments. The
# guests' PC, that is its devices (vmm/devices) and what starts it (vmm/loaders), counts by itself.
use strict;
use warnings;
use lib "$ENV{LINT_HOME}/tests/lib";
use Test::More;
use Tree qw(files read_text);

my $LONG = 400;
my $LINES = $ENV{LINT_LINES} // 10_000;
my $PC_LINES = 6_000;

my %reason;
if (-e 'tests/lint/long-files') {
    for (grep { /\S/ && !/^#/ } split /\n/, read_text('tests/lint/long-files')) {
        my ($path, $reason) = split ' ', $_, 2;
        $reason{$path} = $reason;
        ok(defined $reason, "long-files gives a reason for $path");
        ok(-e $path && read_text($path) =~ tr/\n// > $LONG, "long-files needs to list $path");
    }
}
my @code = grep { /\.(?:[ch]|asm|asl|awk|pm|t|py|pl|sh|mk)$|^Makefile$|^tools\/[^.]+$/ } files();
for my $path (@code) {
    my $lines = read_text($path) =~ tr/\n//;
    ok($lines <= $LONG || $reason{$path}, "$path is short enough to read ($lines lines)");
}

sub count {
    return @_ ? `awk -f '$ENV{LINT_HOME}/tests/lint/count-lines.awk' @_` + 0 : 0;
}
my @counted = grep { m{^(?:boot|arch|drivers|vmm)/.*\.(?:[ch]|asm|asl)$} } @code;
my $pc = qr{^vmm/(?:devices|loaders)/};
my ($total, $devices) = (count(grep { !/$pc/ } @counted), count(grep { /$pc/ } @counted));
cmp_ok($total, '<', $LINES, "boot, arch, drivers and vmm have $total lines of code");
cmp_ok($devices, '<', $PC_LINES, "the guests' PC has $devices lines of code");
diag("$total lines of code of at most $LINES; the guests' PC: $devices of $PC_LINES");
done_testing();
