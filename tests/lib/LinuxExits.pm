# What Linux' interrupts cost in VM exits, from the log of a guest that has run guest/linux/smp.
package LinuxExits;
use strict;
use warnings;
use Exporter 'import';
use Test::More ();

our @EXPORT_OK = qw(exits_per_1000);

# Exits by what they are for; the others (PAUSE, CPUID, I/O and so on) have nothing to do with delivery.
my %group = (
    'exception or NMI' => 'kick', 'interrupt window' => 'window', 'TPR below threshold' => 'window',
    'virtualized EOI' => 'eoi', 'VMX-preemption timer expired' => 'timer', HLT => 'hlt',
    map { $_ => 'apic' } 'WRMSR', 'RDMSR', 'APIC write', 'APIC access', 'EPT violation',
);

# Returns the number of interrupts that Linux has counted by then, and the exits of each group for 1,000 of
# them, and reports them. They include those of its start, when it sets up its local APICs and devices.
sub exits_per_1000 {
    my ($log, $guest) = @_;
    my ($interrupts, %exits) = (0, map { $_ => 0 } values %group);
    for (@{$log->{lines}}) {
        /^\[\Q$guest\E\] +(?:LOC|RES|CAL|TLB|\d+): +(\d[\d ]*)/ or next;
        $interrupts += $_ for split ' ', $1;
    }
    for (@{$log->{records}}) {
        next if $_->{tag} ne 'EXITS' || $_->{guest} ne $guest || !$group{$_->{name}};
        $exits{$group{$_->{name}}} += $_->{count};
    }
    $_ = $interrupts ? 1000 * $_ / $interrupts : 0 for values %exits;
    Test::More::diag("for each 1,000 of $interrupts interrupts: ",
        join ', ', map { sprintf '%s %.0f', $_, $exits{$_} } sort keys %exits);
    return ($interrupts, \%exits);
}

1;
