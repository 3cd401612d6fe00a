#!/usr/bin/env perl
# Lock-step: the hypervisor in the emulator, its modules on the host and the model of the processor
# agree about every interrupt of a run (tests/lockstep/replay.c). And the comparison can fail: with
# one record changed or left out there is a difference each time.
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

my ($log, $status) = boot('lockstep', cpus => 1);
is($status, 0, 'the guests pass');
my $path = "$build/emulator/lockstep/serial.log";
my @of_levels = qw(records accepted delivered eoi_exits bitmaps statuses);
my %compared = (x2apic => \@of_levels, xapic => \@of_levels,
    timer => [qw(records accepted delivered silent_eois statuses)]);
for my $guest (sort keys %compared) {
    my ($differs, $output) = replay($path, $guest);
    is($differs, 0, "$guest: in step from the first record to the last") or diag($output);
    diag($output) if !$differs;
    for my $what (@{$compared{$guest}}) {
        cmp_ok($output =~ /\b$what=(\d+)/ ? $1 : 0, '>', 0, "$guest: $what were compared");
    }
}

# The numbers of the events: enum trace_event of vmm/trace.h.
open my $header, '<', 'vmm/trace.h' or die "vmm/trace.h: $!\n";
my ($list) = join('', <$header>) =~ /enum trace_event \{(.*?)TRACE_EVENT_COUNT/s or die 'no events';
my %event;
$list =~ s{/\*.*?\*/}{}gs;
$event{$_} = keys %event for $list =~ /TRACE_(\w+)/g;

my @lines = do { open my $file, '<', $path or die "$path: $!\n"; <$file> };

# Changes the last record of this event that matches, which must be there, and says whether replay
# minds.
sub minds {
    my ($name, $event, $change, $matches) = @_;
    my @changed = @lines;
    my ($at) = grep { $changed[$_] =~ /^TRACE $event{$event} / && $changed[$_] =~ ($matches // qr//) }
        reverse 0 .. $#changed;
    return fail("$name: no such record") if !defined $at;
    my @field = split ' ', $changed[$at];
    $changed[$at] = $change->(\@field) ? join(' ', @field) . "\n" : '';
    open my $file, '>', "$path.changed" or die "$path.changed: $!\n";
    print $file @changed;
    close $file;
    my ($differs, $output) = replay("$path.changed", 'xapic');
    is($differs, 1, "a difference: $name");
    like($output, qr/^not in step, line \d+: /, "...and where it is");
}

# Fields: TRACE event vcpu vector pin a b repeats
minds('an acceptance is missing', 'ACCEPT_LEVEL', sub { 0 });
minds('an acceptance of another pin', 'ACCEPT_LEVEL', sub { $_[0][5] = 'c0' });
minds('another vector is retired', 'EOI_STALE', sub { $_[0][3] = '77' });
minds('a stale EOI is called live', 'EOI_STALE', sub { $_[0][1] = $event{EOI_LIVE} });
minds('a scan sets another bit', 'SCAN_ADD', sub { $_[0][3] = '78' });
minds('a bit that a scan clears stays', 'SCAN_REMOVE', sub { 0 });
minds('Remote IRR is not set', 'REMOTE_IRR', sub { 0 });
minds('a bitmap has a bit too many', 'BITMAP', sub { $_[0][6] = '8000000000000000' });
minds('the processor has lost what waits', 'EXIT', sub { $_[0][5] = '5200' }, qr/ 255 5263 /);
done_testing();
