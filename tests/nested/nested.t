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
# Exits to KVM for each exit of a guest of Pinwheel's.
my $LIMIT = 3.2;
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

# Two guests that differ in nothing but the number of their EOIs that exit.
sub count_exits {
    my ($log) = @_;
    my %count;
    for (@{$log->{lines}}) {
        next unless /^KVM guest=(\S+) at=(\S+) (.*)/;
        my ($guest, $at, $pairs) = ($1, $2, $3);
        $count{$guest}{$at} = {$pairs =~ /(\w+)=(\d+)/g};
    }
    my %more;
    for my $what (qw(exits nested_run irq_exits io_exits mmio_exits)) {
        my ($few, $many) = map { ($_->{end}{$what} // 0) - ($_->{start}{$what} // 0) } map { $count{"exits-$_"} } @ROUNDS;
        $more{$what} = $many - $few;
    }
    my $rounds = $ROUNDS[1] - $ROUNDS[0];
    cmp_ok($more{nested_run}, '>=', $rounds, "$rounds more EOIs that exit: as many more VM entries");
    return if $more{nested_run} <= 0;
    my $ratio = $more{exits} / $more{nested_run};
    cmp_ok($ratio, '<=', $LIMIT, 'exits to KVM for each exit of a guest');
    cmp_ok($ratio, '>=', 2, 'at least the exit and the VM entry: the counters count');
    my $table = sprintf "Nested under KVM: %d exits of a guest cause %d exits to KVM, %d of them by the machine's "
        . "interrupts: %.2f each, limit %.2f\n", @more{qw(nested_run exits irq_exits)}, $ratio, $LIMIT;
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
