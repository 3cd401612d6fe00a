#!/usr/bin/env perl
# Lock-step: the hypervisor in the emulator, its modules on the host and the model of the processor
# agree about every interrupt of a run (tests/lockstep/replay.c), on four CPUs, on two and on one. And
# the comparison can fail: with one record changed or left out there is a difference each time.
use strict;
use warnings;
use lib 'tests/lib';
use Boot qw(boot);
use Test::More;

my $build = $ENV{B} // 'build';
my $replay = "$build/host/lockstep/replay";

sub replay {
    my ($path, $guest) = @_;
    my $output = `$replay '$path' '$guest' 2>&1`;
    return ($? >> 8, $output);
}

# The numbers of the events: enum trace_event of vmm/interrupts/trace.h.
open my $header, '<', 'vmm/interrupts/trace.h' or die "vmm/interrupts/trace.h: $!\n";
my ($list) = join('', <$header>) =~ /enum trace_event \{(.*?)TRACE_EVENT_COUNT/s or die 'no events';
my %event;
$list =~ s{/\*.*?\*/}{}gs;
$event{$_} = keys %event for $list =~ /TRACE_(\w+)/g;

my @of_levels = qw(records accepted delivered eoi_exits bitmaps statuses);
my %compared = (soak => \@of_levels, x2apic => \@of_levels, xapic => \@of_levels,
    timer => [qw(records accepted delivered silent_eois statuses)]);

sub compare {
    my ($cpus, $path, $guest) = @_;
    my ($differs, $output) = replay($path, $guest);
    is($differs, 0, "$cpus CPUs, $guest: in step from the first record to the last");
    diag($output);
    for my $what (@{$compared{$guest}}) {
        cmp_ok($output =~ /\b$what=(\d+)/ ? $1 : 0, '>', 0, "$cpus CPUs, $guest: $what were compared");
    }
}

# Changes the last record of this event that matches, which must be there, and says whether replay
# minds.
sub minds {
    my ($path, $name, $event, $change, $matches) = @_;
    my @changed = do { open my $file, '<', $path or die "$path: $!\n"; <$file> };
    my ($at) = grep { $changed[$_] =~ /^TRACE $event{$event} / && $changed[$_] =~ ($matches // qr//) }
        reverse 0 .. $#changed;
    return fail("$name: no such record") if !defined $at;
    my @field = split ' ', $changed[$at];
    $changed[$at] = $change->(\@field) ? join(' ', @field) . "\n" : '';
    open my $file, '>', "$path.changed" or die "$path.changed: $!\n";
    print $file @changed;
    close $file;
    my ($differs, $output) = replay("$path.changed", 'xapic');
    is($differs, 1, "$path: a difference: $name");
    like($output, qr/^not in step, line \d+: /, "...and where it is");
}

sub check_that_it_minds {
    my ($path) = @_;
    # Fields: TRACE event vcpu vector pin a b repeats cpu
    minds($path, 'an acceptance is missing', 'ACCEPT_LEVEL', sub { 0 });
    minds($path, 'an acceptance of another pin', 'ACCEPT_LEVEL', sub { $_[0][5] = 'c0' });
    minds($path, 'another vector is retired', 'EOI_STALE', sub { $_[0][3] = '77' });
    minds($path, 'a stale EOI is called live', 'EOI_STALE', sub { $_[0][1] = $event{EOI_LIVE} });
    minds($path, 'a scan sets another bit', 'SCAN_ADD', sub { $_[0][3] = '78' });
    minds($path, 'a bit that a scan clears stays', 'SCAN_REMOVE', sub { 0 });
    minds($path, 'Remote IRR is not set', 'REMOTE_IRR', sub { 0 });
    minds($path, 'a bitmap has a bit too many', 'BITMAP', sub { $_[0][6] = '8000000000000000' });
    minds($path, 'the processor has lost what waits', 'EXIT', sub { $_[0][5] = '5200' }, qr/ 255 5263 /);
}

for my $cpus (4, 2, 1) {
    my (undef, $status) = boot("lockstep-$cpus", cpus => $cpus, $cpus == 4
        ? (config => 'tests/emulator/lockstep.cfg') : (image => 'lockstep-4'));
    is($status, 0, "$cpus CPUs: the guests pass");
    my $path = "$build/emulator/lockstep-$cpus/serial.log";
    compare($cpus, $path, $_) for sort keys %compared;
    check_that_it_minds($path);
}
done_testing();
