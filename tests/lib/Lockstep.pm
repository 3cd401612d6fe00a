# Lock-step (tests/lockstep/replay.c): replays the trace of a guest in a log, and checks that a record
# which is changed or left out is noticed.
package Lockstep;
use strict;
use warnings;
use Exporter 'import';
use Log;
use Test::More;
use Tree 'read_text';

our @EXPORT_OK = qw(compare check_detection software_guests check_software);

my $build = $ENV{B} // 'build';
my $replay = "$build/host/lockstep/replay";

sub replay {
    my ($path, $guest) = @_;
    my $output = `$replay '$path' '$guest' 2>&1`;
    return ($? >> 8, $output);
}

my %event = Log::trace_events();

# compare($where, $path, $guest, @compared): this guest of the log is in step, and so much was compared.
sub compare {
    my ($where, $path, $guest, @compared) = @_;
    my ($differs, $output) = replay($path, $guest);
    is($differs, 0, "$where, $guest: in step from the first record to the last");
    diag($output);
    my %count = $output =~ /\b(\w+)=(\d+)/g;
    cmp_ok($count{$_} // 0, '>', 0, "$where, $guest: $_ were compared") for @compared;
    return \%count;
}

# Changes the guest's last record of this event that matches, which must exist, and checks that replay
# reports a difference. A change that returns false leaves the record out.
sub detects {
    my ($path, $guest, $name, $event, $change, $matches) = @_;
    my @changed = split /^/, read_text($path);
    my $inside = 0;
    my @of_event = grep {
        $inside = $1 eq $guest if $changed[$_] =~ /^TRACE guest=(\S+)/;
        $inside && $changed[$_] =~ /^TRACE $event{$event} / && $changed[$_] =~ ($matches // qr//);
    } 0 .. $#changed;
    return fail("$guest, $name: no such record") if !@of_event;
    my $at = $of_event[-1];
    my @field = split ' ', $changed[$at];
    $changed[$at] = $change->(\@field) ? join(' ', @field) . "\n" : '';
    open my $file, '>', "$path.changed" or die "$path.changed: $!\n";
    print $file @changed;
    close $file;
    my ($differs, $output) = replay("$path.changed", $guest);
    is($differs, 1, "$path, $guest: detected: $name");
    like($output, qr/^not in step, line \d+: /, "...with its line");
}

# Fields: TRACE event vcpu vector pin a b repeats cpu
my @always = (
    ['an acceptance is missing', 'ACCEPT_LEVEL', sub { 0 }],
    ['an acceptance of another pin', 'ACCEPT_LEVEL', sub { $_[0][5] = 'c0' }],
    ['a stale EOI of another vector', 'EOI_STALE', sub { $_[0][3] = '77' }],
    ['a stale EOI that is recorded as live', 'EOI_STALE', sub { $_[0][1] = $event{EOI_LIVE} }],
    ['a scan that sets another bit', 'SCAN_ADD', sub { $_[0][3] = '78' }],
    ['a scan that does not clear a bit', 'SCAN_REMOVE', sub { 0 }],
    ['a change of Remote IRR is missing', 'REMOTE_IRR', sub { 0 }],
);
my @by_processor = (
    ['a bitmap with another bit', 'BITMAP', sub { $_[0][6] = '8000000000000000' }],
    ['the processor has lost a pending interrupt', 'EXIT', sub { $_[0][5] = '5200' }, qr/ 255 5263 /],
);
# Exits have these reasons, in hexadecimal: 7 interrupt window, 1e I/O instruction, 30 EPT violation,
# that is an access to the local APIC. In their status RVI is the low byte, SVI the high one. After the
# status and the EOI's vector follows how often the record repeats.
my @in_software = (
    ['an edge is not accepted', 'ACCEPT_EDGE', sub { 0 }],
    ['an EOI is missing', 'EOI_STALE', sub { 0 }],
    ['a pending interrupt is lost', 'EXIT', sub { $_[0][5] = '5200' }, qr/ 255 5263 /],
    ['an interrupt is not injected', 'EXIT', sub { $_[0][5] = '63' }, qr/ 30 255 6300 0 0 /],
    ['another vector is injected', 'EXIT', sub { $_[0][5] = '5200' }, qr/ 30 255 6300 0 0 /],
    ['an interrupt is injected and stays in the IRR', 'EXIT', sub { $_[0][5] = '6363' }, qr/ 30 255 6300 0 0 /],
    ['an EOI although the local APIC was not accessed', 'EXIT', sub { $_[0][3] = '1e' }, qr/ 30 255 6300 0 0 /],
    ['an interrupt window although none waits', 'EXIT', sub { $_[0][3] = '7' }, qr/ 30 255 0 0 0 /],
    ['an interrupt waits although the window is open', 'EXIT', sub { $_[0][7] = 1 }, qr/ 7 255 (?:52|63) 0 0 /],
);

# For guests/reroute.elf in xAPIC mode.
sub check_detection {
    my ($path, $guest, $software) = @_;
    detects($path, $guest, @$_) for @always, $software ? @in_software : @by_processor;
}

# The guests of tests/emulator/lockstep.cfg that have delivery in software, to run after this one.
my @software = qw(soak-software xapic-software);
sub software_guests {
    my ($after) = @_;
    my ($text) = read_text('tests/emulator/lockstep.cfg') =~ /^(\[soak-software\].*)/ms or die 'no such guests';
    return "\n" . $text =~ s/^(after *=) timer$/$1 $after/mr;
}

# Each interrupt that was accepted was injected, and has had its EOI.
sub check_software {
    my ($where, $path) = @_;
    for my $guest (@software) {
        my $count = compare($where, $path, $guest, qw(records accepted delivered eoi_exits silent_eois statuses));
        is($count->{delivered}, $count->{eoi_exits} + $count->{silent_eois}, "$where, $guest: an EOI for each injection");
    }
    check_detection($path, $software[1], 1);
}

1;
