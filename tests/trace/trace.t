#!/usr/bin/env perl
# Traces out (docs/traces.md): what tools/pwtrace writes about the log of a run is read back and compared
# with the records in the log, from which everything is derived here a second time, and with RVI and SVI
# of the processor at each exit. A loss is stated, and a trace that cannot be replayed is refused.
use strict;
use warnings;
no warnings 'portable'; # the records have numbers of 64 bits
use lib 'tests/lib';
use File::Path qw(make_path);
use JSON::PP;
use Log;
use Test::More;
use Tree 'read_text';

my $build = $ENV{B} // 'build';
my $program = "$build/host/pwtrace";
my $folder = "$build/trace/test";
my $sample = 'tests/page/sample.log';
make_path($folder);

sub run_on {
    my ($log, $name) = @_;
    my $output = `$program '$log' '$folder/$name' 2>&1`;
    return ($? >> 8, $output);
}

my %event = Log::trace_events();
my %name_of = reverse %event;
my $eoi_exit = 45;

# The records of each guest: its first is number 1.
sub records_of {
    my ($text) = @_;
    my (%records, $guest);
    for (split /\n/, $text) {
        $guest = $1 if /^TRACE guest=(\S+)/;
        my @field = /^TRACE (\d+) (\d+) (\S+) (\d+) (\S+) (\S+) (\d+) (\d+)$/ or next;
        my %record = (event => $name_of{$field[0]}, vcpu => $field[1], vector => hex $field[2], pin => $field[3],
            a => $field[4], b => $field[5]);
        push @{$records{$guest}}, (\%record) x ($field[6] + 1);
    }
    return \%records;
}

# ---- the waveforms ----

# The changes of each guest: [time, name of the signal, value], in the order of the file.
sub read_vcd {
    my ($text) = @_;
    my (@scope, %signal, %changes);
    my ($time, $is_monotonic) = (-1, 1);
    for (split /\n/, $text) {
        if (/^\$scope module (\S+) \$end$/) {
            push @scope, $1;
        } elsif (/^\$upscope \$end$/) {
            pop @scope;
        } elsif (/^\$var wire 1 (\S+) (\S+) \$end$/) {
            die "two signals $1\n" if $signal{$1};
            $signal{$1} = [@scope, $2];
        } elsif (/^#(\d+)$/) {
            $is_monotonic = 0 if $1 <= $time;
            $time = $1;
        } elsif (/^([01])(\S+)$/) {
            my ($guest, @name) = @{$signal{$2} // die "no signal $2\n"};
            push @{$changes{$guest}}, [$time, join('.', @name), $1];
        } elsif (!/^\$(?:version|comment|timescale|enddefinitions|dumpvars|end)\b/) {
            die "not VCD: $_\n";
        }
    }
    ok(!@scope, 'VCD: every scope is closed');
    ok($is_monotonic, 'VCD: the time only grows');
    return \%changes;
}

# What the records say about the signals at the end, without the replay.
sub set_bits {
    my ($at, $name, $vcpu, $first, $word) = @_;
    for my $i (0 .. 63) {
        $at->{sprintf 'vcpu%u.vector%02x.%s', $vcpu, $first + $i, $name} = hex($word) >> $i & 1;
    }
}

sub apply {
    my ($at, $owed, $record) = @_;
    my ($event, $vcpu) = @$record{qw(event vcpu)};
    my $vector = sprintf 'vcpu%u.vector%02x', $vcpu, $record->{vector};
    my $pin = "pin$record->{pin}";
    my $tokens = $owed->{$vector} //= [0, 0];
    $at->{"$pin.line"} = hex $record->{a} if $event eq 'LINE';
    $at->{"$pin.masked"} = hex($record->{b}) >> 16 & 1 if $event eq 'RTE_WRITE';
    $at->{"$pin.remote_irr"} = hex $record->{a} if $event eq 'REMOTE_IRR';
    $at->{"$vector.stale"} = hex $record->{a} if $event eq 'SCAN_ADD';
    $at->{"$vector.stale"} = 1 if $event eq 'SCAN_STALE';
    $at->{"$vector.stale"} = 0 if $event =~ /^SCAN_(?:ROUTED|REMOVE)$/;
    if ($event eq 'BITMAP') {
        set_bits($at, 'eoi_exit', $vcpu, $record->{vector}, $record->{a});
        set_bits($at, 'eoi_exit', $vcpu, $record->{vector} + 64, $record->{b});
    }
    $tokens->[hex $record->{b}] |= hex $record->{a} if $event eq 'ACCEPT_LEVEL';
    @$tokens = ($tokens->[1], 0) if $event =~ /^EOI_/;
    @$tokens = (0, 0) if $event eq 'DROPPED';
    $at->{"$vector.in_flight"} = $tokens->[0] || $tokens->[1] ? 1 : 0;
}

sub highest {
    my ($is, $vcpu, $name) = @_;
    my @vectors = map { /^vcpu$vcpu\.vector(..)\.$name$/ && $is->{$_} ? hex $1 : () } keys %$is;
    return (sort { $b <=> $a } @vectors)[0] // 0;
}

# The signals whose value is not what the records say: those that begin with this.
sub differing {
    my ($at, $is, $prefix) = @_;
    return grep { /^$prefix/ && ($at->{$_} // 0) != ($is->{$_} // (/masked/ ? 1 : 0)) } keys %$at;
}

# At an exit the vCPU has done all the work before its last entry, and what the processor did since is
# known: its signals must then be exact.
my %statuses;

sub check_waveforms {
    my ($guest, $records, $changes) = @_;
    my (%is, %at, %owed, %changed, %is_new);
    my @wrong;
    my $number = 0;
    for my $record (@$records) {
        $number++;
        while (@$changes && $changes->[0][0] <= $number) {
            my ($time, $name, $value) = @{shift @$changes};
            push @wrong, "$name does not change at $time" if defined $is{$name} && $is{$name} == $value;
            $changed{$name}++ if $time;
            $is_new{$1} = 1 if $name =~ /^vcpu(\d+)/;
            $is{$name} = $value;
        }
        apply(\%at, \%owed, $record);
        $is_new{$record->{vcpu}} = 1 if $record->{event} ne 'EXIT';
        push @wrong, map { "$_ at $number" } differing(\%at, \%is, 'pin\\d+\\.(?:line|masked)')
            if $record->{event} =~ /^(?:LINE|RTE_WRITE)$/;
        next if $record->{event} ne 'EXIT' || $record->{vector} == $eoi_exit;
        my $status = hex($record->{a}) & 0xffff;
        my $shown = highest(\%is, $record->{vcpu}, 'irr') | highest(\%is, $record->{vcpu}, 'isr') << 8;
        push @wrong, sprintf('RVI and SVI at %u: %04x, shown %04x', $number, $status, $shown) if $status != $shown;
        $statuses{$status}++;
        push @wrong, map { "$_ at $number" } differing(\%at, \%is, "vcpu$record->{vcpu}\\.")
            if delete $is_new{$record->{vcpu}};
    }
    is("@wrong[0 .. ($#wrong > 4 ? 4 : $#wrong)]", '', "$guest: at each exit the signals are what the records and RVI and SVI say");
    is(scalar(grep { !$changed{$_} } keys %is), 0, "$guest: only signals that change are there");
    is(scalar(@$changes), 0, "$guest: nothing changes after the last record");
    is(join(' ', differing(\%at, \%is, '')), '', "$guest: at the end the signals are what the records say");
    return \%is;
}

# The end that the text states is that of the waveforms.
sub check_text {
    my ($guest, $text, $is) = @_;
    my ($end) = $text =~ /^At the end of guest \Q$guest\E:\n((?:  .*\n)+)/m;
    my @wrong;
    my %set;
    for (split /\n/, $end // '') {
        if (my ($pin, $line, $remote, $mask) = /^  pin (\d+): line (\w+); Remote IRR (\w+); (\w+)$/) {
            my %says = (line => $line eq 'high', remote_irr => $remote eq 'set', masked => $mask eq 'masked');
            push @wrong, grep { defined $is->{$_} && $is->{$_} != ($says{s/.*\.//r} ? 1 : 0) }
                map { "pin$pin.$_" } keys %says;
        } elsif (my ($vcpu, $sets) = /^  vCPU (\d+): (.*)$/) {
            for (split /; /, $sets) {
                my ($name, $vectors) = /^(.*?)((?: [0-9a-f]{2})*| -)$/;
                my %signal = (IRR => 'irr', ISR => 'isr', 'EOI exits' => 'eoi_exit', stale => 'stale', 'in flight' => 'in_flight');
                $set{"vcpu$vcpu.vector$_.$signal{$name}"} = 1 for grep { /\w/ } split ' ', $vectors;
            }
        }
    }
    push @wrong, grep { /^vcpu/ && $is->{$_} != ($set{$_} // 0) } keys %$is;
    ok($end, "$guest: the text has the state at the end");
    is("@wrong", '', "$guest: it is that of the waveforms");
}

# ---- the trace events ----

sub is_inside {
    my ($slices, $time) = @_;
    return scalar grep { $_->{ts} <= $time && $time < $_->{ts} + $_->{dur} } @$slices;
}

sub check_flow {
    my ($records, $slices, $from, $to) = @_;
    my $pin = $from->{tid} - 100;
    my ($rise, $eoi) = map { $records->[$_->{ts} - 1] } $from, $to;
    return 'it does not begin where the line rises' if $rise->{event} ne 'LINE' || $rise->{pin} != $pin || !hex $rise->{a};
    return 'it does not end at an EOI' if $eoi->{event} !~ /^EOI_(?:LIVE|STALE)$/ || $eoi->{vcpu} != $to->{tid} - 1;
    return 'the EOI is not that of the pin' if !(hex($eoi->{a}) >> $pin & 1);
    return 'it goes back in time' if $to->{ts} < $from->{ts};
    return 'an end is not in a slice' if !is_inside($slices->{$from->{tid}}, $from->{ts}) || !is_inside($slices->{$to->{tid}}, $to->{ts});
    return;
}

sub check_events {
    my ($guest, $records, $process, $events) = @_;
    my (%slices, %flow);
    my @mine = grep { $_->{pid} == $process } @$events;
    push @{$slices{$_->{tid}}}, $_ for grep { $_->{ph} eq 'X' } @mine;
    push @{$flow{$_->{id}}{$_->{ph}}}, $_ for grep { $_->{ph} =~ /[sf]/ } @mine;

    is(scalar(grep { $_->{ph} eq 'X' && $_->{cat} eq 'exit' } @mine), scalar(grep { $_->{event} eq 'EXIT' } @$records),
        "$guest: a slice for each exit");
    my $crossed = 0;
    for my $track (values %slices) {
        my @open;
        for (sort { $a->{ts} <=> $b->{ts} || $b->{dur} <=> $a->{dur} } @$track) {
            my $end = $_->{ts} + $_->{dur};
            pop @open while @open && $open[-1] <= $_->{ts};
            $crossed++ if @open && $open[-1] < $end;
            push @open, $end;
        }
    }
    is($crossed, 0, "$guest: slices nest");
    my @halves = grep { @{$flow{$_}{s} // []} != 1 || @{$flow{$_}{f} // []} != 1 } keys %flow;
    is("@halves", '', "$guest: each arrow has both ends");
    my @wrong = map { my $of = $flow{$_}; $of->{s} && $of->{f} ? check_flow($records, \%slices, $of->{s}[0], $of->{f}[0]) // () : () }
        keys %flow;
    is("@wrong", '', "$guest: from the rise of a line to an EOI of its pin");
    return scalar keys %flow;
}

# ---- the log of a run ----

# Returns the text and the number of arrows.
sub check_log {
    my ($log, $name) = @_;
    my ($status, $output) = run_on($log, $name);
    is($status, 0, "$log is read") or diag($output);
    my ($text, $vcd, $json) = map { read_text("$folder/$name.$_") } qw(txt vcd json);
    my $records = records_of(read_text($log));
    my $changes = read_vcd($vcd);
    my $events = decode_json($json)->{traceEvents};
    my %process = map { $_->{args}{name} => $_->{pid} } grep { $_->{name} eq 'process_name' } @$events;
    is_deeply([sort keys %process], [sort keys %$records], 'a process for each guest');
    my $flows = 0;
    for my $guest (sort keys %$records) {
        my $end = check_waveforms($guest, $records->{$guest}, $changes->{$guest} // []);
        check_text($guest, $text, $end);
        $flows += check_events($guest, $records->{$guest}, $process{$guest}, $events);
        like($output, qr/^The trace of guest \Q$guest\E is complete/m, "$guest: nothing is lost, which is stated");
    }
    return ($text, $flows);
}

# The second is the beginning of another run: in it an interrupt waits behind one that the guest has sent
# to itself, whose EOI is coincidental.
my ($text, $flows) = check_log($sample, 'sample');
my ($behind, $arrows) = check_log('tests/trace/behind.log', 'behind');
cmp_ok($flows, '>', 10, 'there are arrows');
my $eois = grep { $_->{event} =~ /^EOI_(?:LIVE|STALE)$/ } @{records_of(read_text('tests/trace/behind.log'))->{soak}};
is($arrows, $eois, 'in the second run each live or stale EOI has one');
cmp_ok(scalar keys %statuses, '>', 10, 'RVI and SVI have many values');
like($text, qr/^ +[\d,]+  pin \d+ +the line goes high\n +=.* pin \d+: line high; /m, 'a sentence, and the state after it');
like($behind, qr/it waits behind the instance in service\n(?:.*\n)*?.*coincidental/, 'an EOI of an instance before it');

SKIP: {
    my $found = `command -v vcd2fst 2>/dev/null`;
    skip('vcd2fst is not installed (Debian package gtkwave)', 2) if $? != 0 || $found eq '';
    my $said = `vcd2fst '$folder/sample.vcd' '$folder/sample.fst' 2>&1`;
    is($?, 0, "GTKWave's vcd2fst reads the VCD") or diag($said);
    ok(-s "$folder/sample.fst", '...and writes its waveforms');
}

# ---- losses and errors ----

sub changed_log {
    my ($name, $change) = @_;
    local $_ = read_text($sample);
    $change->();
    open my $file, '>', "$folder/$name.log" or die "$folder/$name.log: $!\n";
    print $file $_;
    close $file;
    return run_on("$folder/$name.log", $name);
}

my ($status, $output) = changed_log('lost', sub { s/^TRACE end lost=0$/TRACE end lost=77/m });
is($status, 0, 'a trace without its beginning is read');
for (['what it prints', $output], map { ["lost.$_", read_text("$folder/lost.$_")] } qw(txt vcd json)) {
    like($_->[1], qr/The beginning of the trace of guest soak is lost: 77 records/, "$_->[0]: the loss is stated");
}
is(scalar(grep { $_ eq 'soak' } keys %{read_vcd(read_text("$folder/lost.vcd"))}), 0, 'no state of that guest is shown');
unlike(read_text("$folder/lost.txt"), qr/^At the end of guest soak/m, '...nor in the text');
like(read_text("$folder/lost.txt"), qr/^At the end of guest xapic/m, '...but that of another guest');

($status, $output) = changed_log('software', sub { s/^TRACE guest=soak .*\K/ delivery=software/m });
is($status, 0, 'a trace of delivery in software is read');
like($output, qr/^The trace of guest soak is complete.* delivered in software/m, '...and why it has no state is stated');
unlike(read_text("$folder/software.txt"), qr/^At the end of guest soak/m, '...which is not shown');

($status, $output) = changed_log('rescan', sub { s/^TRACE guest=soak .*\K/ stale_rescan=off/m });
is($status, 1, 'a run with the rescan is not one without it');

($status, $output) = changed_log('range', sub {
    s/^TRACE end lost=0$/TRACE end lost=77/m;
    s/^TRACE $event{ACCEPT_LEVEL} \d+ /TRACE $event{ACCEPT_LEVEL} 200 /m;
});
is($status, 1, 'a record of a vCPU that the guest does not have');
like($output, qr/range\.log: a record that names no vCPU or no pin$/m, '...is refused');

($status, $output) = changed_log('cut', sub { s/^TRACE end lost=0\n\z//m });
is($status, 0, 'a log that ends too early is read');
like($output, qr/^The log ends before the trace of guest timer does/m, '...and the loss is stated');

($status, $output) = changed_log('wrong', sub { s/^TRACE $event{REMOTE_IRR} .*\n//m });
is($status, 1, 'a trace that the model does not follow is refused');
like($output, qr/^pwtrace: .*wrong\.log, line \d+: the run and the model differ: /, '...with the line');
like(read_text("$folder/wrong.txt"), qr/here the run and the model differ/, '...and the story up to there');

($status, $output) = changed_log('empty', sub { s/^TRACE .*\n//mg });
is($status, 1, 'a log without a trace');
like($output, qr/no trace in it: did the guest have `trace = on`/, '...says what may be the reason');
($status, $output) = run_on("$folder/none.log", 'none');
is($status, 1, 'a log that is not there');
like($output, qr/^pwtrace: .*none\.log: cannot be read$/m, '...is named');
$output = `$program 2>&1`;
is($? >> 8, 2, 'no arguments');
like($output, qr/^usage: pwtrace LOG NAME\n/, '...show the usage');
done_testing();
