#!/usr/bin/env perl
# The timing figures of pwtrace (docs/traces.md): every edge in them is a change in the waveforms of the same
# records, in the same order, and every change is an edge; the sentences are those of the text.
use strict;
use warnings;
use lib 'tests/lib';
use File::Path qw(make_path);
use Test::More;
use Tree 'read_text';

my $build = $ENV{B} // 'build';
my $program = "$build/host/pwtrace";
my $folder = "$build/trace/test";
my $sample = 'tests/page/sample.log';
my $left = 170; # where the waves begin
make_path($folder);

# What changes at each time, of one guest: [time, sorted names of the signals].
sub vcd_steps {
    my ($text, $guest) = @_;
    my (@scope, %name, %value, %at);
    my $time = 0;
    for (split /\n/, $text) {
        push @scope, $1 if /^\$scope module (\S+) /;
        pop @scope if /^\$upscope/;
        $name{$1} = join '.', @scope[1 .. $#scope], $2 if /^\$var wire 1 (\S+) (\S+) / && $scope[0] eq $guest;
        $time = $1 if /^#(\d+)/;
        push @{$at{$time}}, $name{$2} if /^([01])(\S+)$/ && $name{$2} && $time;
    }
    return map { [$_, @{$at{$_}}] } sort { $a <=> $b } keys %at;
}

my %signal = ('line' => 'line', 'Remote IRR' => 'remote_irr', 'masked' => 'masked', 'IRR' => 'irr', 'ISR' => 'isr',
    'EOI exits' => 'eoi_exit', 'in flight' => 'in_flight');

# What changes in each column of a figure, from left to right, and the numbers of the sentences.
sub svg_steps {
    my ($svg) = @_;
    my ($of, $name, %at, @stale);
    my $right = 0;
    for (split /\n/, $svg) {
        $of = "$1$2" =~ s/vCPU/vcpu/r if />(pin|vCPU) (\d+)</;
        $name = "$of." . ($1 ? "vector$1." : '') . $signal{$2} if /text-anchor="end">(?:0x(..) )?([A-Za-z ]+)</;
        if (/^<path class="w w\d" d="M$left \d+(.*)H(\d+)"/) {
            ($right, my $edges) = ($2, $1);
            push @{$at{$1}}, $name while $edges =~ /H(\d+)V/g;
        }
        push @stale, [$1, $2, $name] if /^<rect class="s" x="(\d+)" y="\d+" width="(\d+)" height="14"/;
    }
    for (@stale) {
        my ($x, $width, $what) = @$_;
        $what =~ s/eoi_exit$/stale/;
        push @{$at{$x}}, $what if $x != $left;
        push @{$at{$x + $width}}, $what if $x + $width != $right;
    }
    my @numbers = $svg =~ /text-anchor="end">(\d+)</g;
    return ([map { [sort @{$at{$_}}] } sort { $a <=> $b } keys %at], \@numbers);
}

# The sentences of these records in the text: number => sentence.
sub sentences {
    my ($text, $guest) = @_;
    my ($story) = $text =~ /^Guest \Q$guest\E:(.*?)(?=^Guest |\z)/ms;
    my %sentence;
    for (split /\n/, $story) {
        my ($number, $subject, $says) = /^ +([\d,]+)  (\w+ \d+) +(.*)$/ or next;
        $sentence{$number =~ s/,//gr} = "$subject: $says";
    }
    return %sentence;
}

sub check_figure {
    my ($guest, $svg, $from, $to, $text, $vcd) = @_;
    my ($steps, $numbers) = svg_steps($svg);
    my @expected = grep { $_->[0] >= $from && $_->[0] <= $to } vcd_steps($vcd, $guest);
    my %shown = map { /^(pin\d+)\.(?:line|remote_irr)$/ ? ($1 => 1) : () } map { @$_[1 .. $#$_] } @expected;
    @expected = map { my ($time, @names) = @$_; [sort grep { !/^(pin\d+)/ || $shown{$1} } @names] } @expected;
    @expected = grep { @$_ } @expected;
    cmp_ok(scalar @expected, '>', 5, "$guest $from to $to: there are edges");
    is_deeply($steps, \@expected, '...and they are the changes of the waveforms');
    my %sentence = sentences($text, $guest);
    my $flat = join ' ', $svg =~ /<text x="56" y="\d+">(.*)<\/text>/g;
    is($flat, join(' ', map { $sentence{$_} =~ s/>/&#62;/gr } @$numbers), '...and the sentences those of the text');
    is("@$numbers", join(' ', sort { $a <=> $b } grep { $_ >= $from && $_ <= $to } @$numbers), '...of these records, in order');
    my %count;
    $count{$2} += $1 ? -1 : $3 ? 0 : 1 while $svg =~ m{<(/?)(\w+)[^>]*?(/?)>}g;
    is(join(' ', grep { $count{$_} } keys %count), '', '...and every element is closed');
}

is(system("$program '$sample' '$folder/figures' >/dev/null"), 0, 'the sample is read');
my ($text, $vcd) = map { read_text("$folder/figures.$_") } qw(txt vcd);
for (['soak', 425, 455], ['soak', 1, 420], ['xapic', 983, 4000], ['xapic', 6000, 15484]) {
    my ($guest, $from, $to) = @$_;
    check_figure($guest, scalar `$program svg '$sample' $guest $from $to`, $from, $to, $text, $vcd);
}
my $whole = `$program svg '$sample' xapic`;
my ($from, $to) = $whole =~ /records (\d+) to (\d+) of \d+</;
check_figure('xapic', $whole, $from, $to, $text, $vcd);
like($whole, qr/\@media \(prefers-color-scheme:dark\)/, 'it has colors for a dark page');
unlike($whole, qr/do not fit/, 'a figure that is complete');

my $long = read_text("$folder/figures.svg");
my ($first, $last, $rest) = $long =~ /Guest soak: records (\d+) to (\d+) of \d+; (\d+) to \d+ do not fit in one figure</;
is($rest, $last + 1, 'one that is too long says what is not in it');
check_figure('soak', $long, $first, $last, $text, $vcd);

sub refused {
    my ($arguments, $status, $words, $name) = @_;
    my $output = `$program $arguments 2>&1`;
    is($? >> 8, $status, $name);
    like($output, $words, '...with the reason');
}
refused("svg '$sample' none", 1, qr/none: the log has no trace of this guest/, 'a guest that is not there');
refused("svg '$sample' soak 9 8", 1, qr/FROM and TO must be numbers of records/, 'a range from back to front');
refused("svg '$sample' soak 1 99999", 1, qr/FROM and TO/, 'a range that is too long');
refused("svg '$sample' soak 1 x", 1, qr/FROM and TO/, 'a range of no numbers');
refused("svg '$sample' soak 1", 2, qr/^usage/, 'half a range');

(my $lost = read_text($sample)) =~ s/^TRACE end lost=0$/TRACE end lost=77/m;
open my $file, '>', "$folder/lostfigure.log" or die $!;
print $file $lost;
close $file;
refused("svg '$folder/lostfigure.log' soak", 1, qr/The beginning of the trace of guest soak is lost: 77/, 'a trace without its beginning');
is(system("$program '$folder/lostfigure.log' '$folder/lostfigure' >/dev/null"), 0, 'the other guests of its log');
like(read_text("$folder/lostfigure.svg"), qr/Guest xapic: /, '...have a figure');
$lost =~ s/^TRACE end lost=0$/TRACE end lost=1/mg;
open $file, '>', "$folder/lostfigure.log" or die $!;
print $file $lost;
close $file;
is(system("$program '$folder/lostfigure.log' '$folder/lostfigure' >/dev/null"), 0, 'a log without a complete trace');
like(read_text("$folder/lostfigure.svg"), qr/The trace of no guest is complete/, '...says so in place of the figure');
done_testing();
