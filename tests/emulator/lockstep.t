#!/usr/bin/env perl
# Lock-step: the hypervisor in the emulator, its modules on the host and the model of the processor agree
# on every interrupt of a run (tests/lockstep/replay.c), on four CPUs, on two and on one. The comparison
# can fail: it reports a difference for each record that is changed or left out here.
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

# The numbers of the events, from enum trace_event in vmm/interrupts/trace.h.
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

# Changes the last record of this event that matches, which must exist, and checks that replay reports a
# difference. A change that returns false leaves the record out.
sub detects {
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
    is($differs, 1, "$path: detected: $name");
    like($output, qr/^not in step, line \d+: /, "...with its line");
}

sub check_detection {
    my ($path) = @_;
    # Fields: TRACE event vcpu vector pin a b repeats cpu
    detects($path, 'an acceptance is missing', 'ACCEPT_LEVEL', sub { 0 });
    detects($path, 'an acceptance of another pin', 'ACCEPT_LEVEL', sub { $_[0][5] = 'c0' });
    detects($path, 'a stale EOI of another vector', 'EOI_STALE', sub { $_[0][3] = '77' });
    detects($path, 'a stale EOI that is recorded as live', 'EOI_STALE', sub { $_[0][1] = $event{EOI_LIVE} });
    detects($path, 'a scan that sets another bit', 'SCAN_ADD', sub { $_[0][3] = '78' });
    detects($path, 'a scan that does not clear a bit', 'SCAN_REMOVE', sub { 0 });
    detects($path, 'a change of Remote IRR is missing', 'REMOTE_IRR', sub { 0 });
    detects($path, 'a bitmap with another bit', 'BITMAP', sub { $_[0][6] = '8000000000000000' });
    detects($path, 'the processor has lost a pending interrupt', 'EXIT', sub { $_[0][5] = '5200' }, qr/ 255 5263 /);
}

for my $cpus (4, 2, 1) {
    my (undef, $status) = boot("lockstep-$cpus", cpus => $cpus, $cpus == 4
        ? (config => 'tests/emulator/lockstep.cfg') : (image => 'lockstep-4'));
    is($status, 0, "$cpus CPUs: the guests pass");
    my $path = "$build/emulator/lockstep-$cpus/serial.log";
    compare($cpus, $path, $_) for sort keys %compared;
    check_detection($path);
}
done_testing();
