# Pinwheel under real KVM: boots Bochs 3.0 with a Debian Linux, which runs Debian's QEMU with KVM and in it
# Pinwheel, once for each job. See docs/nested.md.
package Stage;
use strict;
use warnings;
use Exporter 'import';
use File::Copy 'copy';
use File::Path qw(make_path remove_tree);
use Test::More;
use Boot qw(boot report_all);
use Log;
use Tree 'read_text';

our @EXPORT_OK = qw(job needs_bochs_3 run_jobs story_is_told wanted);

my $build = $ENV{B} // 'build';
my $bochs = "$build/bochs-3/bochs";
# What saves the emulated machine time. Its processor reports another TSC frequency than it has, and its XRSTOR in
# the compacted format loads a stale MXCSR where SSE is in its initial state.
my $WORDS = 'console=ttyS0 quiet cryptomgr.notests tsc=reliable tsc_early_khz=50000 no_timer_check nowatchdog clearcpuid=xsaves,xsavec '
    . 'mitigations=off initcall_blacklist=load_system_certificate_list random.trust_cpu=on panic=-1';

# Skips all tests if Bochs 3.0 could not be fetched.
sub needs_bochs_3 {
    return if -x $bochs;
    plan skip_all => "Debian 13's Bochs is missing: make $bochs fetches it, and says what is wrong";
}

sub write_text {
    my ($path, $text) = @_;
    open my $file, '>', $path or BAIL_OUT("$path: $!");
    print $file $text;
    close $file;
}

# The second archive of the RAM disk: the list of jobs, a pinwheel.cfg for each, and the disk that they
# all boot from.
sub write_jobs {
    my ($dir, @jobs) = @_;
    remove_tree("$dir/jobs");
    make_path("$dir/jobs/esp/EFI/BOOT", "$dir/jobs/esp/guests");
    copy("$build/BOOTX64.EFI", "$dir/jobs/esp/EFI/BOOT/BOOTX64.EFI") or BAIL_OUT("BOOTX64.EFI: $!");
    for (glob("$build/guest/*.elf"), map { @{$_->{files} // []} } @jobs) {
        copy($_, "$dir/jobs/esp/guests/") or BAIL_OUT("$_: $!");
    }
    my $list = '';
    for my $job (@jobs) {
        write_text("$dir/jobs/$job->{name}.cfg", $job->{config} // '');
        $list .= join(' ', $job->{name}, $job->{module} // 'nested=1', $job->{cpus} // 1,
            $job->{memory} // 256, $job->{cpu} // 'host', $job->{nmi} // 0, $job->{kernel} // ()) . "\n";
    }
    write_text("$dir/jobs/jobs", $list);
    system("(cd $dir/jobs && find . -print0 | LC_ALL=C sort -z | "
        . "cpio --quiet --null --create --format=newc --owner=0:0) >$dir/jobs.cpio "
        . "&& cat $build/nested/initrd $dir/jobs.cpio >$dir/initrd") == 0 or BAIL_OUT('no RAM disk');
    remove_tree("$dir/jobs");
}

# run_jobs($name, $model, {name, config, module, cpus, memory, cpu, nmi, files, kernel}...): boots Bochs once.
# With `nmi` = 1 the machine gets NMIs, for guests that wait with IF = 0 and without CLI: docs/nested.md.
# `kernel`, a guest's file and words of its command line, runs without Pinwheel. Returns for each job's name
# its log, and the lines of its debug port in {debug}.
sub run_jobs {
    my ($name, $model, @jobs) = @_;
    my $dir = "$build/nested/$name";
    make_path($dir);
    write_jobs($dir, @jobs);
    copy("$build/linux/vmlinuz", "$dir/kernel") or BAIL_OUT("no kernel: $!");
    write_text("$dir/cmdline", $WORDS);
    local $ENV{BOCHS} = $bochs;
    boot($name, efi => "$build/native.efi", config => '-', cpus => 1, memory => 1024, model => $model,
        silence => 1800, files => [map { "$dir/$_" } qw(kernel initrd cmdline)]);
    unlink "$dir/initrd", "$dir/jobs.cpio";
    my ($job, %text, %debug) = ('');
    for (split /\r*\n/, read_text("$build/emulator/$name/bochs.out")) {
        next unless s/^\| //;
        if (/^STAGE begin (\S+)$/) {
            $job = $1;
        } elsif (/^STAGE end (\S+)$/) {
            $job = '';
        } elsif (s/^DEBUG //) {
            push @{$debug{$job}}, $_;
        } else {
            s/^(?:\e\[[0-9;=?]*[A-Za-z])+//;
            $text{$job} .= "$_\n";
        }
    }
    for my $wanted (map { $_->{name} } @jobs) {
        write_text("$build/emulator/$name/$wanted.log", $text{$wanted} // '');
    }
    return map { ($_->{name} => {log => Log->new($text{$_->{name}} // ''), debug => $debug{$_->{name}} // []}) } @jobs;
}

# The jobs that JOBS=NAME,... names; without it all of them.
sub wanted {
    my (@jobs) = @_;
    my %named = map { ($_ => 1) } split /[ ,]+/, $ENV{JOBS} // '';
    return %named ? grep { $named{$_->{name}} } @jobs : @jobs;
}

# Checks the result of a job, if it was run: check->(LOG, RESULT).
sub job {
    my ($result, $name, $check) = @_;
    subtest $name => sub { $check->($result->{$name}{log}, $result->{$name}) } if $result->{$name};
}

# The story of `make run`, guest/pinwheel.cfg, with this many IPIs.
sub story_is_told {
    my ($log, $ipis) = @_;
    my $counters = 'vcpu=0 vector=0x51 eoi_live=0 eoi_stale=1';
    report_all($log->check_taps, map { $log->check($_) }
        "COUNTERS guest=reroute $counters eoi_coincidental=0 delivered_level=1",
        "COUNTERS guest=reroute-norescan $counters eoi_coincidental=$ipis delivered_level=1",
        'GUEST name=reroute result=pass', 'GUEST name=reroute-norescan result=pass');
}

1;
