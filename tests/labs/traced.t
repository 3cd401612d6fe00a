#!/usr/bin/env perl
# make trace LAB=: the labs print the same with a trace, apart from the number of rounds, their traces are
# complete, and pwtrace replays them: text, waveforms, trace events and a figure of each.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot);
use File::Path 'make_path';
use Test::More;
use Tree 'read_text';
use Lab;

my $build = $ENV{B} // 'build';
my @numbers = qw(04 05 06 07 08 10); # what fits in the rings together
Lab::write_file("$build/emulator/labs-traced.cfg", Lab::chain({trace => 1}, @numbers));
my ($log, $status) = boot('labs-traced', config => "$build/emulator/labs-traced.cfg", cpus => 2, files => [glob "$build/guest/labs/*.elf"]);
is($status, 0, 'the labs run to their end');
for my $number (@numbers) {
    my $recorded = read_text("tests/labs/$number.out") =~ s/\b1000?\b/5/gr;
    is(Lab::view($log, $number), $recorded, "lab $number prints the same, with 5 rounds");
}

my $path = "$build/emulator/labs-traced/serial.log";
make_path("$build/trace");
my $output = `$build/host/pwtrace '$path' '$build/trace/labs' 2>&1`;
is($?, 0, 'pwtrace replays all of them') or diag($output);
for my $guest (map { /^\[(.*)\]$/mg } map { Lab::config($_) } @numbers) {
    like($output, qr/^The trace of guest \Q$guest\E is complete/m, "$guest: no record is lost");
    my $figure = `$build/host/pwtrace svg '$path' $guest`;
    my $end = $guest eq 'lab10' ? qr/(\d+) of \d+; \d+ to \d+ do not fit/ : qr/(\d+) of \1</; # four vCPUs
    ok($figure =~ /^<svg .*Guest \Q$guest\E: records \d+ to $end.*<\/svg>$/s, "$guest: the figure has all of it, or says what not");
}
my $stale = `$build/host/pwtrace svg '$path' lab06`;
like($stale, qr/EOI of vector 0x51 exits, stale/, 'the figure of lab 06 shows the stale EOI');
is(scalar(() = $stale =~ /<rect class="s" x="\d+" y="\d+" width="\d+" height="14"/g), 1, '...and for how long the bit is stale');
done_testing();
