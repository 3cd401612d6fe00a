#!/usr/bin/env perl
# What the hypervisor executes for each kind of VM exit: instructions, and those among them that are cheap
# in an emulator, dear on a processor, and dearer in a nested machine. A figure above its limit fails. The
# table is written to build/emulator/exit_counts.txt.
#
# The emulator's debugger traces each instruction while the guest (guest/exit_counts.c) causes the exits for
# the second and the third time, and the guest's marks say which is which. The smaller count is taken, because
# a time slice may end in one of the two. Where arm() sets the preemption timer depends on the time since it was
# set: that VMWRITE has its own column, without a limit. tests/machine/test_run_timer.c has its rules.
use strict;
use warnings;
no warnings 'portable'; # addresses of 64 bits
use lib 'tests/lib';
use Boot qw(boot report_all);
use File::Path 'make_path';
use List::Util 'min';
use Test::More;

my $build = $ENV{B} // 'build';
my @ways = qw(vid software);
my @columns = qw(exits instructions vmread vmwrite msr flush locked timer);
my $ROUNDS = 2; # that are traced
my %class = (
    vmresume => 'exits', vmread => 'vmread', vmwrite => 'vmwrite', rdmsr => 'msr', wrmsr => 'msr',
    map { $_ => 'flush' } qw(invept invvpid cpuid vmclear vmptrld xsetbv),
);

sub symbol {
    my ($file, $name) = @_;
    my ($address) = map { /^(\w+) \w \Q$name\E$/ ? $1 : () } `nm $build/$file`;
    return $address // BAIL_OUT("$build/$file has no symbol $name");
}

# The guest's function may be inlined where the firmware executes something else, so the first stop is in the
# hypervisor.
sub run_traced {
    my $start = symbol('pinwheel.elf', 'run_turn');
    my $guest = symbol('guest/exit_counts.elf64', 'cause_all');
    my $commands = "$build/emulator/exit_counts.commands";
    make_path("$build/emulator");
    # The second step begins where the breakpoint ends the first.
    my $step = "trace on\n" . "s 40000\n" x $ROUNDS . "trace off\n";
    open my $file, '>', $commands or die;
    print $file "lb 0x$start\nc\nd 1\nlb 0x$guest\n", "c\nc\n$step" x @ways, "c\nq\n";
    close $file;
    my ($log) = boot('exit_counts', cpus => 1, files => ["$build/guest/exit_counts.elf"], debugger => $commands);
    return $log;
}

# The hypervisor's instructions between the marks: counts by round and kind. All VMWRITEs of run_turn() are of
# the preemption timer; that of arm() comes after RDTSC and before the next locked operation.
sub count_exits {
    my ($last) = @_;
    my ($round, $kind, $arming, @count) = (-1);
    my ($start, $size) = map { hex } `nm -S $build/pinwheel.elf` =~ /^(\w+) (\w+) \w run_turn$/m;
    open my $trace, '<', "$build/emulator/exit_counts/bochs.out" or die;
    while (<$trace>) {
        my ($address, $text, $bytes) = /^\(0\)\.\[\d+\] \[0x\w+\] \w+:(\w+) \([^)]*\): (.*\S)\s*; (\w+)$/ or next;
        if (hex $address < 1 << 32) {
            my ($mark) = $bytes =~ /^0f1f80(..)000100$/ or next;
            $kind = hex $mark;
            $round++ if $kind == 0;
            $kind = undef if $kind == $last;
            next;
        }
        next if !defined $kind;
        my $counts = $count[$round][$kind] //= {};
        my ($operation) = $text =~ /(\w+)/;
        $counts->{instructions}++;
        my $locked = $operation eq 'lock' || $text =~ /^xchg .*\[/;
        my $turn = hex($address) - $start < $size && hex($address) >= $start;
        $arming = $operation eq 'rdtsc' || $arming && !$locked if $turn;
        my $class = $turn && $arming && $operation eq 'vmwrite' ? 'timer' : $class{$operation};
        $counts->{$class}++ if $class;
        $counts->{locked}++ if $locked;
    }
    return @count;
}

# Of two counts the smaller, column by column.
sub smaller {
    my ($one, $other) = @_;
    return undef if !$one || !$other;
    return {map { $_ => min($one->{$_} // 0, $other->{$_} // 0) } @columns};
}

my $log = run_traced();
my %number = map { /^\[vid\] KIND number=(\d+) name=(\w+)$/ ? ($2 => $1) : () } @{$log->{lines}};
my @count = count_exits(scalar keys %number);
report_all($log->check_taps, $log->check('PINWHEEL done guests=2 passed=2 failed=0'));
is(scalar @count, $ROUNDS * @ways, 'both rounds of both guests are traced');

my $format = "%-10s %-20s" . ' %12s' x @columns . "  %s\n";
my $table = sprintf $format, 'delivery', 'kind of exit', @columns, '';
open my $figures, '<', 'tests/emulator/exit_counts.figures' or die;
for (grep { !/^#/ && /\S/ } <$figures>) {
    my ($way, $kind, %limit);
    ($way, $kind, @limit{qw(vmread vmwrite msr flush locked)}, $limit{goal}) = split;
    my ($index) = grep { $ways[$_] eq $way } 0 .. $#ways;
    my $counts = smaller(map { $count[$ROUNDS * $index + $_][$number{$kind} // -1] } 0, 1);
    my @above = grep { ($counts->{$_} // 0) > $limit{$_} } qw(vmread vmwrite msr flush locked);
    ok($counts && $counts->{exits}, "$way, $kind: exits");
    is("@above", '', "$way, $kind: nothing is above its limit");
    my ($reads, $writes) = ($limit{goal} // '-') =~ m{(\d+)/(\d+)};
    my $missed = defined $reads && (($counts->{vmread} // 0) > $reads || ($counts->{vmwrite} // 0) > $writes);
    $table .= sprintf $format, $way, $kind, (map { $counts->{$_} // 0 } @columns),
        $missed ? "the goal is $reads reads and $writes write" . ($writes == 1 ? '' : 's') : '';
}
$table .= <<'END';

msr: RDMSR and WRMSR. flush: INVEPT, INVVPID, CPUID, VMCLEAR, VMPTRLD, XSETBV. locked: LOCK, and XCHG with memory.
timer: VMWRITEs by which arm() sets the preemption timer, which vmwrite does not include.
END
open my $file, '>', "$build/emulator/exit_counts.txt" or die;
print $file $table;
done_testing();
