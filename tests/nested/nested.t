#!/usr/bin/env perl
# Pinwheel under real KVM (docs/nested.md): the story of `make run` and what an exit costs there, the conformance
# guests, the invariants, a short soak, guests that misbehave, and a Linux with two vCPUs. JOBS=NAME,... runs only
# these jobs; NESTED_LONG=1 more rounds, and more of Linux.
use strict;
use warnings;
use lib 'tests/lib', 'tests/nested';
use Boot 'report_all';
use Log;
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

# NESTED_LONG=1: as many rounds as on the machine itself, and all of its conformance guests. Otherwise each of them
# in one mode.
my $long = $ENV{NESTED_LONG};
my $left_out = $long ? qr/^$/ : qr/-(?:xapic|again)$/;

# The blocks of a file of tests/emulator, whose guests let interrupts wait: see pause() in guest/lib.
sub waiting {
    my ($file) = @_;
    my ($config, %after) = ('');
    for (split /^(?=\[)/m, read_text("tests/emulator/$file")) {
        my $words = 'pause=exit' . ($long ? '' : ' exits=1000');
        s/^(cmdline *= .*)/$1 $words/m or s/^(kernel *= .*)/$1\ncmdline = $words/m;
        my ($name) = /^\[(.*)\]/;
        my ($after) = /^after *= *(.*)/m;
        if (defined $after && exists $after{$after}) {
            $after = $after{$after};
            s/^after .*\n/defined $after ? "after = $after\n" : ''/me;
        }
        if (defined $name && $name =~ $left_out) {
            $after{$name} = $after;
        } else {
            $config .= $_;
        }
    }
    return $config;
}

# The lines of a file of expectations, without those of guests that are left out.
sub expected {
    my ($file) = @_;
    return grep { !(/\b(?:name|guest)=(\S+)/ && $1 =~ $left_out) } Log::expectations("tests/emulator/$file");
}

my %rounds = $long ? (ipis => 10_000, reroutes => 100_000) : (ipis => 100, reroutes => 300);
my $others = guest('invariants', kernel => '\guests\invariants.elf', memory => '4M', vcpus => 4,
        after => $long ? 'start-state-again' : 'start-state', cmdline => "x2apic ipis=$rounds{ipis} pause=exit")
    . guest('soak', kernel => '\guests\soak.elf', memory => '4M', vcpus => 4, after => 'invariants',
        cmdline => "x2apic reroutes=$rounds{reroutes} ipis=$rounds{ipis} pause=exit");
# docs/nested.md says why Linux needs delivery in software, `tsc=reliable`, and NMIs.
my $linux = guest('linux', kernel => '\guests\vmlinuz', initrd => '\guests\initrd', disk => '\guests\disk.img',
    memory => '128M', vcpus => 2, delivery => 'software', cmdline => 'console=ttyS0 quiet cryptomgr.notests '
        . 'initcall_blacklist=load_system_certificate_list tsc=reliable ' . ($long ? 'run=verify run=smp' : 'run=smp'));
my @jobs = (
    {name => 'story', config => read_text('guest/pinwheel.cfg') . $exits},
    {name => 'guests', config => waiting('conformance.cfg') . $others, cpus => 4},
    {name => 'hostile', config => waiting('hostile.cfg'), cpus => 2},
    {name => 'linux', config => $linux, cpus => 2, memory => 384, nmi => 1,
        files => [map { "$build/linux/$_" } qw(vmlinuz initrd disk.img)]},
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
    report_all(map { $log->check($_) }
        '/^pinwheel: interrupts are delivered by the processor, but not posted: this processor lacks "process posted interrupts"$/',
        'PINWHEEL done guests=4 passed=4 failed=0');
    count_exits($log);
});
job(\%result, guests => sub {
    my ($log) = @_;
    my $guests = $long ? 13 : 9;
    report_all($log->check_taps, map { $log->check($_) } expected('conformance.expect'),
        'TAP guest=invariants plan=134 passed=134 failed=0 skipped=1',
        'TAP guest=soak passed=20 failed=0 skipped=0',
        "PINWHEEL done guests=$guests passed=$guests failed=0");
});
job(\%result, linux => sub {
    my ($log) = @_;
    report_all(map { $log->check($_) } 'GUEST name=linux result=pass code=0 how=poweroff',
        'PINWHEEL done guests=1 passed=1 failed=0');
    my ($smp) = grep { /^SMP / } @{$log->{lines}};
    is($smp, 'SMP cpus=2 without_one=1 back=2 pinned=6 tsc_backward=0 irq_led=2 timers=2 ipis=2 clock=tsc '
        . 'complaints=0', 'both CPUs of Linux work');
});
job(\%result, hostile => sub {
    my ($log) = @_;
    # What the processor is vulnerable to decides which guards there are, and KVM's is another one than there.
    report_all($log->check_taps, map { $log->check($_) } '/^Mitigations .*\bbhb, rsb, rsb-one, verw\b/',
        grep { !/Mitigations/ } expected('hostile.expect'));
});
done_testing();
