#!/usr/bin/env perl
# The reroute soak in Linux (guest/linux/soak), with and without the rescan after a stale EOI: no data is
# lost, Linux does not complain, and the rescan saves exits. The table is written to
# build/linux/soak.txt.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot);
use Test::More;

my $build = $ENV{B} // 'build';
my ($log, $status) = boot('linux-soak', config => 'tests/linux/soak.cfg', cpus => 2, memory => 768,
    files => [map { "$build/linux/$_" } qw(vmlinuz initrd disk.img)]);
is($status, 0, 'all guests pass');

sub pairs { return {$_[0] =~ /(\w+)=(\S+)/g} }

my @columns = qw(interrupts reroutes marked stale coincidental live exits);
my $table = sprintf "%-20s" . ' %12s' x @columns . "\n", 'per 1,000 interrupts', @columns;
for my $guest (qw(moves moves-norescan hotplug hotplug-norescan)) {
    my ($line) = grep { /^\[\Q$guest\E\] SOAK / } @{$log->{lines}};
    ok($line, "$guest: the soak has finished") or next;
    my $soak = pairs($line);
    is($soak->{$_}, 0, "$guest: $_") for qw(bad_reads refused unmoved complaints);
    cmp_ok($soak->{$_}, '>', 0, "$guest: $_") for qw(reads interrupts lines);
    my %sum = (interrupts => $soak->{interrupts});
    for (grep { ($_->{guest} // '') eq $guest } @{$log->{records}}) {
        if ($_->{tag} eq 'COUNTERS') {
            $sum{$_->[0]} += $_->[1] for [stale => $_->{eoi_stale}], [live => $_->{eoi_live}],
                [coincidental => $_->{eoi_coincidental}], [level => $_->{delivered_level}];
        } elsif ($_->{tag} eq 'SCANS') {
            $sum{marked} += $_->{stale_marked};
            $sum{reroutes} += $_->{reason_rte};
        }
    }
    $sum{exits} = $sum{stale} + $sum{live} + $sum{coincidental};
    $table .= sprintf "%-20s", $guest;
    for (@columns) {
        my $n = $sum{$_} // 0;
        $table .= $_ eq 'interrupts' ? sprintf ' %12d', $n
            : sprintf ' %12.2f', $n * 1000 / ($sum{interrupts} || 1);
    }
    $table .= "\n";
    cmp_ok($sum{stale}, '<=', $sum{marked} || 0, "$guest, invariant 9: no more stale exits than bits marked stale");
    is($sum{coincidental}, 0, "$guest: no coincidental exit with the rescan") if $guest !~ /norescan/;
}
open my $file, '>', "$build/linux/soak.txt" or BAIL_OUT("soak.txt: $!");
print $file $table;
close $file;
diag($table);
done_testing();
