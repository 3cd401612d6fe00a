#!/usr/bin/env perl
# tools/run, with a script in place of Bochs: when it ends a run and what it prints; that a slow or stopped
# emulator does not make it end; and that it restores the terminal.
use strict;
use warnings;
use File::Temp 'tempdir';
use Test::More;
use Time::HiRes qw(sleep time);

# Each character of this path is special to bash, sed, Bochs or socat.
my $dir = tempdir(CLEANUP => 1) . '/a&b|c,d "e" $HOME';
mkdir $dir or die "$dir: $!\n";
@ENV{qw(DIR OVMF VGA_ROM)} = ($dir, "$dir/firmware", "$dir/rom");

sub put {
    my ($name, $text) = @_;
    open my $file, '>', "$dir/$name" or die "$dir/$name: $!\n";
    print $file $text;
    close $file;
}

sub text {
    my ($name) = @_;
    open my $file, '<', "$dir/$name" or return '';
    local $/;
    return <$file> // '';
}

put($_, '') for qw(image firmware rom);
# A machine is a script whose standard output is the serial port; file descriptor 9 is the debug port.
put('bochs', <<'END');
#!/usr/bin/env bash
echo $$ >pid
exec 9>&1 >"$(sed -n 's/.*dev="\([^"]*\)".*/\1/p' bochsrc)"
spin() { # for $1 seconds of CPU time
    local stat
    for ((;;)); do
        read -ra stat </proc/$$/stat
        ((stat[13] < $1 * 100)) || break
    done
}
says() { echo "PINWHEEL $1" | tee /dev/fd/9; }
result() { says "done guests=1 passed=$((1 - $1)) failed=$1"; }
eval "$MACHINE"
END
chmod 0755, "$dir/bochs";

# The bash command that runs a machine, with the log directory $DIR/NAME.
sub command {
    my ($name, $options) = @_;
    return "PATH=\"\$DIR:\$PATH\" tools/run --emu bochs --log-dir \"\$DIR/$name\" $options \"\$DIR/image\" 2>&1";
}

# Starts it; returns the pipe of its output.
sub start {
    my ($name, $machine, $options, $redirection) = @_;
    local $ENV{MACHINE} = $machine;
    open my $pipe, '-|', 'bash', '-c', command($name, $options) . ' ' . ($redirection // '</dev/null')
        or die "bash: $!\n";
    return $pipe;
}

sub finish {
    my ($pipe) = @_;
    my $output = do { local $/; <$pipe> // '' };
    close $pipe;
    return ($? >> 8, $output);
}

# ---- results and limits ----------------------------------------------------------------------------

# [name, machine, options, expected status, expected output, redirection of standard input]
my @runs = (
    ['a result', 'echo hello; result 0', '', 0, qr/^hello\nPINWHEEL done/m],
    ['a failed guest', 'result 1', '', 1, qr/1 of the guests failed; the log is \Q$dir\E/],
    ['a guest that imitates a result', 'echo "[a] PINWHEEL done guests=1 passed=1 failed=0"', '', 2,
        qr/ended without a result/],
    ['one that is alone', 'echo "PINWHEEL done guests=1 passed=1 failed=0"', '', 2, qr/ended without a result/],
    ['one that fails then', 'echo "PINWHEEL done guests=1 passed=1 failed=0"; result 1', '', 1,
        qr/1 of the guests failed/],
    ['one that fails before', 'result 1; echo "PINWHEEL done guests=1 passed=1 failed=0"', '', 1,
        qr/1 of the guests failed/],
    ['one without a newline', 'result 0; printf "PINWHEEL done guests=1 passed=0 failed=1"', '', 0, qr/^PINWHEEL done/m],
    ['one that imitates a panic', 'echo "PINWHEEL panic: a bug"; result 0', '', 0, qr/^PINWHEEL panic/m],
    ['one that imitates a refusal', 'echo "PINWHEEL refused: no"; result 0', '', 0, qr/^PINWHEEL refused/m],
    ['a refusal', 'says "refused: no VT-x"', '', 3, qr/refused this machine: no VT-x$/m],
    ['a panic', 'says "panic: a bug"; sleep 60', '', 1, qr/a bug in Pinwheel/],
    ['a result of a machine that stays on', 'result 0; sleep 60', '', 0, qr/^PINWHEEL done/m],
    ['a machine that spins without output', 'echo last words; spin 60', '--silence 1', 2,
        qr/^last words\nEnded: no output for 1 s of emulator time \(--silence\)\./m],
    ['a machine that sleeps without output', 'echo last words; exec sleep 60', '--silence 2', 2,
        qr/^last words\nEnded: no output for 2 s of emulator time \(--silence\)\./m],
    ['output without a result', 'for n in {1..60}; do sleep 0.5; echo $n; done', '--silence 30 --timeout 2', 2,
        qr/^Ended: no result in 2 s of emulator time \(--timeout\)\./m],
    ['guests that run at the end', 'for n in a ab b; do echo "pinwheel: guest $n starts: 1 vCPU"; done
        echo "GUEST name=a result=pass"; sleep 60', '--timeout 2', 2,
        qr/^Ended: no result in 2 s of emulator time \(--timeout\), while these guests still ran: ab b\./m],
    ['all memory that Bochs has', 'grep ^memory: bochsrc; result 0', '--memory 2048', 0, qr/^memory: guest=2048, host=2048$/m],
    ['more memory than that', 'result 0', '--memory 2049', 2, qr{^tools/run: 2049 MiB: Bochs has at most 2048 .*MEMORY=}],
    ['an emulator that does not start', 'exit 1', '', 2, qr/ended without a result/],
    ['an emulator that does not start, with input', 'exit 1', '--input -', 2, qr/ended without a result/],
    ['a line in two pieces', 'printf one; sleep 2.2; echo two; result 0', '', 0, qr/^onetwo$/m],
    ['an unfinished last line', 'printf "the end"', '', 2, qr/^the end$/m],
    ['closed standard input', 'result 0', '', 0, qr/^PINWHEEL done/m, '<&-'],
    ['closed standard input as the input', 'result 0; sleep 10', '--input -', 0, qr/^PINWHEEL done/m, '<&-'],
    ['an option without its value', '', '--cpus', 2, qr{^tools/run: '.*image' is not a number from 1 on$}m],
    ['an unknown option', '', '--cpu 1', 2, qr{^tools/run: --cpu: no such option; --help}m],
);
my @pipes = map { my ($name, $machine, $options, undef, undef, $input) = @$_;
                  start($name, $machine, $options, $input) } @runs;

# While the emulator is stopped its time stands still: no limit is reached, and the run continues with it.
my $stopped = start('stopped', 'echo it runs; spin 1; result 0', '--silence 3 --timeout 4');
sleep 0.05 while text('stopped/serial.log') !~ /it runs/;
my ($pid) = text('stopped/pid') =~ /^(\d+)$/ or die "no process ID\n";
kill 'STOP', $pid;
my $stopped_at = time;

for (@runs) {
    my ($name, undef, undef, $expected, $pattern) = @$_;
    my ($status, $output) = finish(shift @pipes);
    is($status, $expected, "$name: status $expected") or diag($output);
    like($output, $pattern, "$name: the output");
}
like(text('a line in two pieces/serial.log'), qr/^onetwo$/m, 'a line in two pieces: complete in the log');

# Meanwhile that run goes on: a second one would delete its files.
my ($second, $words) = finish(start('stopped', 'result 0', ''));
is($second, 2, 'a second run in the same directory: status 2');
like($words, qr{^tools/run: another run uses \Q$dir\E/stopped; .* --log-dir DIR, with make RUN=DIR$}, 'the reason');

sleep 0.1 while time - $stopped_at < 6;
kill 'CONT', $pid;
my ($status, $output) = finish($stopped);
is($status, 0, 'an emulator that was stopped for longer than its limits: status 0') or diag($output);

# ---- make ------------------------------------------------------------------------------------------

# What make passes on to tools/one-guest, also through a make that it starts.
my $rule = 'show: ; @env | grep ^CMDLINE=';
my $again = 'again: ; @$(MAKE) --no-print-directory --silent show';
for my $literal ('root=$x $(y) ${z} $$', 'a "quoted" \\ word') {
    delete local @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL CMDLINE)};
    for my $target (qw(show again)) {
        open my $make, '-|', 'make', '--no-print-directory', "--eval=$rule", "--eval=$again", $target, "CMDLINE=$literal"
            or die "make: $!\n";
        is(do { local $/; <$make> }, "CMDLINE=$literal\n", "make $target: passes on $literal");
    }
}

# ---- the terminal ----------------------------------------------------------------------------------

# script makes a terminal, tools/run makes it raw, and a signal ends tools/run while it reads.
$ENV{MACHINE} = 'echo "pinwheel: ready"; sleep 60';
$SIG{HUP} = 'DEFAULT'; # nohup ignores it, and what a shell inherits as ignored it cannot trap
for my $signal (qw(TERM HUP)) {
    my $run = command('terminal', '');
    put('session', <<"END");
stty -a >"\$DIR/before"
$run </dev/tty & pid=\$!
while ! stty -a | grep -q -e -icanon; do sleep 0.1; done
kill -$signal \$pid
wait \$pid
echo \$? >"\$DIR/status"
stty -a >"\$DIR/after"
END
    system('script -q -c \'bash "$DIR/session"\' "$DIR/typescript" </dev/null >/dev/null');
    like(text('before'), qr/ icanon/, "$signal: there was a terminal");
    is(text('after'), text('before'), "$signal: the terminal is as before");
    is(text('status'), "143\n", "$signal: the status") or diag(text('typescript'));
}
done_testing();
