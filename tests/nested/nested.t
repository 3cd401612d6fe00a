#!/usr/bin/env perl
# Pinwheel under real KVM (docs/nested.md): the story of `make run` and what an exit costs there. JOBS=NAME,...
# runs only these jobs.
use strict;
use warnings;
use lib 'tests/lib', 'tests/nested';
use Boot 'report_all';
use Stage qw(job needs_bochs_3 run_jobs story_is_told wanted);
use Test::More;
use Tree 'read_text';

my $build = $ENV{B} // 'build';
# Exits to KVM for each EOI that exits: the EOI, the VM entry after it, VMREADs and VMWRITEs.
my $LIMIT = 2.1;
my @ROUNDS = (1000, 11_000);

needs_bochs_3();

# A block of a configuration.
sub guest {
    my ($name, %option) = @_;
    return "[$name]\n" . join('', map { "$_ = $option{$_}\n" } sort keys %option) . "\n";
}

my $exits = join '', map {
    guest("exits-$_", kernel => '\guests\reroute.elf', memory => '4M', vcpus => 2, cmdline => "x2apic rounds=$_",
        stale_rescan => 'off', after => $_ == $ROUNDS[0] ? 'reroute-norescan' : "exits-$ROUNDS[0]")
} @ROUNDS;
my @jobs = (
    {name => 'story', config => read_text('guest/pinwheel.cfg') . $exits},
);
my %result = run_jobs('nested', 'corei7_skylake_x', wanted(@jobs));

my %REASON = (1 => 'external interrupt', 23 => 'VMREAD', 24 => 'VMRESUME', 25 => 'VMWRITE', 30 => 'I/O instruction',
    29 => 'MOV DR', 21 => 'VMPTRLD', 31 => 'RDMSR', 32 => 'WRMSR', 40 => 'PAUSE', 45 => 'virtualized EOI', 52 => 'VMX-preemption timer', 55 => 'XSETBV');

# Two guests that differ in nothing but the number of their EOIs that exit.
sub count_exits {
    my ($log) = @_;
    my (%count, %more);
    for (@{$log->{lines}}) {
        $count{$1}{"reason $2"} = $3 if /^KVM guest=exits-(\d+) reason=(\d+) count=(\d+)$/;
        next unless /^KVM guest=exits-(\d+) at=(\S+) (.*)/;
        my ($guest, $at, $pairs) = ($1, $2, $3);
        my %now = $pairs =~ /(\w+)=(\d+)/g;
        $count{$guest}{$_} += ($at eq 'end' ? 1 : -1) * $now{$_} for keys %now;
    }
    my ($few, $many) = map { $count{$_} // {} } @ROUNDS;
    $more{$_} = $many->{$_} - ($few->{$_} // 0) for keys %$many;
    my $rounds = $ROUNDS[1] - $ROUNDS[0];
    cmp_ok($more{'reason 45'} // 0, '>=', $rounds, "KVM counts $rounds more EOIs that exit") or return;
    cmp_ok($more{nested_run}, '>=', $rounds, 'and as many more VM entries');
    my $direct = 0;
    $direct += $more{"reason $_"} // 0 for 23, 24, 25, 45;
    my $ratio = $direct / $more{'reason 45'};
    cmp_ok($ratio, '<=', $LIMIT, 'exits to KVM for each EOI that exits');
    cmp_ok($ratio, '>=', 1.9, 'at least the EOI and the VM entry');
    my $table = sprintf "Nested under KVM: %d EOIs that exit cause %d exits to KVM, %.2f each, limit %.2f. The others are\n"
        . "of the machine's interrupts, of switches between the two vCPUs, and of the console; in all %d:\n",
        $more{'reason 45'}, $direct, $ratio, $LIMIT, $more{exits};
    for my $key (sort { $more{$b} <=> $more{$a} } grep { /^reason/ && $more{$_} >= 50 } keys %more) {
        my ($reason) = $key =~ /(\d+)/;
        $table .= sprintf "  %-22s %7d\n", $REASON{$reason} // $key, $more{$key};
    }
    open my $file, '>', "$build/nested/exits.txt" or BAIL_OUT("exits.txt: $!");
    print $file $table;
    close $file;
    diag($table);
}

job(\%result, story => sub {
    my ($log) = @_;
    story_is_told($log, 10_000);
    report_all(map { $log->check($_) } '/^pinwheel: interrupts are delivered by the processor$/',
        'PINWHEEL done guests=4 passed=4 failed=0');
    count_exits($log);
});
done_testing();
