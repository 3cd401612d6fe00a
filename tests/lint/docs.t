#!/usr/bin/env perl
# What the pages and the comments refer to exists: links and their anchors, pages and sections cited as
# docs/PAGE.md, "Section", and the numbers of invariants. And a table's cell is short enough to be read
# in a table.
use strict;
use warnings;
use lib "$ENV{LINT_HOME}/tests/lib";
use File::Basename 'dirname';
use Test::More;
use Tree qw(files read_text);

my $CELL = 300; # characters

my %exists = map { $_ => 1 } files();
my @pages = grep { /\.md$/ } sort keys %exists;

sub nothing_wrong {
    my ($name, $path, @wrong) = @_;
    is(join("\n", @wrong), '', "$path: $name");
}

# ---- what a page has ----------------------------------------------------------------------------

# Without blocks and pieces of code.
sub prose {
    my ($text) = @_;
    $text =~ s/^(```|~~~).*?^\1$//gms;
    return $text =~ s/`[^`\n]*`//gr;
}

my (%sections, %anchors);
for my $page (@pages) {
    my $text = read_text($page);
    my $outside_code = $text =~ s/^(```|~~~).*?^\1$//gmsr;
    for my $title ($outside_code =~ /^#+ +(.*?) *$/gm) {
        my $plain = $title =~ s/[`*]//gr;
        $sections{$page}{$plain} = 1;
        my $anchor = lc $plain =~ s/\[([^\]]*)\]\([^)]*\)/$1/gr;
        $anchor =~ s/[^\w\- ]//g;
        $anchors{$page}{$anchor =~ tr/ /-/r} = 1;
    }
    $anchors{$page}{$_} = 1 for $text =~ /<a (?:id|name)="([^"]+)"/g;
}

# A path relative to a page, or undef if it leads out of the tree.
sub relative {
    my ($page, $target) = @_;
    my @parts = grep { $_ ne '.' } split m{/}, dirname($page);
    for (split m{/}, $target) {
        next if $_ eq '.' || $_ eq '';
        if ($_ eq '..') { @parts ? pop @parts : return }
        else { push @parts, $_ }
    }
    return join '/', @parts;
}

# ---- links --------------------------------------------------------------------------------------

for my $page (@pages) {
    my @wrong;
    for my $target (prose(read_text($page)) =~ /\]\(\s*([^)\s]+)[^)]*\)/g) {
        next if $target =~ /^[a-z]+:/;
        my ($path, $anchor) = $target =~ /^([^#]*)#?(.*)$/;
        my $file = $path eq '' ? $page : relative($page, $path) // '';
        my $there = $exists{$file} || ($path ne '' && grep { m{^\Q$file\E/} } keys %exists);
        push @wrong, $target if !$there || ($anchor ne '' && !$anchors{$file}{$anchor});
    }
    nothing_wrong('each link has its target', $page, @wrong);
}

# ---- citations, in all files --------------------------------------------------------------------

my $invariants = $exists{'docs/interrupts.md'} ? read_text('docs/interrupts.md') : '';
$invariants =~ s/.*?^#+ +Invariants$//ms;
$invariants =~ s/^#.*//ms;
my %invariant = map { $_ => 1 } $invariants =~ /^(\d+)\. /gm;
my $count = keys %invariant;

sub numbers {
    my ($list) = @_;
    my @numbers;
    while ($list =~ /(\d+)(?: +(?:to|-) +(\d+))?/g) {
        push @numbers, $1 .. ($2 // $1);
    }
    return @numbers;
}

for my $path (grep { !m{^tests/(?:fuzz/corpus/|lint/selftest)} } sort keys %exists) {
    my $text = read_text($path);
    next if $text =~ /\0/;
    # One line, without the marks that begin a comment's.
    $text =~ s{[ \t]*\n[ \t]*(?:\*(?!/)|#+|;+|//+)?[ \t]*}{ }g;

    my @wrong;
    while ($text =~ m{\b(docs/[a-z][\w.-]*\.md)\b[)`]*(?:, "([^"]*)")?}g) {
        my ($page, $section) = ($1, $2);
        push @wrong, $page if !$exists{$page};
        push @wrong, qq($page, "$section") if defined $section && !$sections{$page}{$section};
    }
    while ($path =~ /\.md$/ && $text =~ m{\]\(([^)#:]+\.md)\), "([^"]*)"}g) {
        my ($target, $section) = ($1, $2);
        my $page = relative($path, $target) // '';
        push @wrong, qq($target, "$section") if !$sections{$page}{$section};
    }
    push @wrong, $1 while $text =~ /\b(see (?:the )?docs)\b(?!\/)/gi;
    nothing_wrong('each page and section cited exists', $path, @wrong) if @wrong || $text =~ m{docs/|\.md\)};

    my @cited;
    while ($text =~ /\binvariants? +(\d+(?:(?:, | and | to | or |, and )\d+)*)/gi) {
        push @cited, numbers($1);
    }
    push @cited, $1 while $text =~ /\(I(\d+)\)/g;
    nothing_wrong('each invariant cited is in docs/interrupts.md', $path, map { "invariant $_" } grep { !$invariant{$_} } @cited)
        if @cited;
    my @counts = $text =~ /\b(\d+) invariants\b/g;
    nothing_wrong("there are $count invariants", $path, map { "$_ invariants" } grep { $_ != $count } @counts) if @counts;
}
is(join(' ', sort { $a <=> $b } keys %invariant), join(' ', 1 .. $count), 'the invariants are numbered from 1');

# ---- what the book shows of the tree ------------------------------------------------------------

# tools/book/book.lua takes it from there when the book is built; this notices earlier, and without pandoc.
for my $page (grep { m{^docs/book/} } @pages) {
    my @wrong;
    my $markdown = read_text($page);
    while ($markdown =~ /^\[[^\]]*\]\(([^ )]+) "(code|lines): ([^"]*)"\)$/gm) {
        my ($file, $kind, $what) = (relative($page, $1) // '', $2, $3);
        my $text = $exists{$file} ? read_text($file) : '';
        my @patterns = $kind eq 'code' ? qr/^(?:[a-z_].*\b$what(?:\(|\[.*\] = \{)|(?:struct|enum) $what \{)/m
                                       : map { my $perl = tr/%/\\/r; qr/$perl/m } split ' ', $what;
        push @wrong, "$file: $what" if grep { $text !~ $_ } @patterns;
    }
    nothing_wrong('the code and the lines that it shows exist', $page, @wrong);
}

# ---- commands -----------------------------------------------------------------------------------

# Targets with a description, those that are .PHONY, and variables: what a page may tell a reader to type.
my (%target, %variable);
for my $makefile (grep { m{(?:^|/)Makefile$|\.mk$} } sort keys %exists) {
    my $text = read_text($makefile);
    $target{$_} = 1 for map { split ' ' } $text =~ /^\.PHONY: (.*)$/gm;
    $target{$_} = 1 for $text =~ /^([\w.-]+):.*## /gm;
    $variable{$_} = 1 for $text =~ /^#: ([A-Z0-9_]+)=/gm, $text =~ /^([A-Z0-9_]+) *[:?]?=/gm;
}
my %elsewhere = map { $_ => 1 } qw(V B LINT_TESTS PINWHEEL_SKIP_DEPS EFI_LIB EFI_INCLUDE DISPLAY);

for my $page (grep { %target } @pages) {
    my @wrong;
    my $text = read_text($page);
    for my $line ($text =~ /`((?:[A-Z_]+=\S+ )*make(?: [^`\n]*)?)`/g, $text =~ /^    ((?:[A-Z_]+=\S+ )*make(?: .*)?)$/gm) {
        for my $word (split ' ', $line =~ s/^.*?\bmake//sr =~ s/  .*//sr) {
            last if $word =~ /^(?:&&|#|-)/;
            if ($word =~ /^([A-Z0-9_]+)=/) { push @wrong, $word if !$variable{$1} && !$elsewhere{$1} }
            elsif ($word =~ /^[a-z][a-z0-9_-]*$/) { push @wrong, "make $word" if !$target{$word} }
        }
    }
    nothing_wrong('make knows each command', $page, @wrong);
}

# ---- tables -------------------------------------------------------------------------------------

for my $page (@pages) {
    my @long = grep { length > $CELL } map { split /(?<!\\)\|/ } grep { /^ *\|/ } split /\n/, read_text($page);
    nothing_wrong("no table cell is longer than $CELL characters", $page, map { s/^ *(.{30}).*$/$1.../sr } @long);
}
done_testing();
