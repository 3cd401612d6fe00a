#!/usr/bin/env perl
# The book as files: each link leads somewhere, code is the tree's, each figure is what pwtrace draws of
# its log, and what is asked for and does not exist is an error.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Test::More;
use Tree 'read_text';

my $build = $ENV{B} // 'build';
my $book = "$build/book";
my @pages = map { s{.*/}{}r } grep { !m{/(?:pinwheel|styles)\.html$} } glob "$book/*.html";
my %text = map { $_ => read_text("$book/$_") } @pages;
my %page_of = ('docs/book/README.md' => 'index.html', map { $_ => s{.*/}{}r =~ s/md$/html/r } glob 'docs/book/[0-9]*.md');
cmp_ok(scalar keys %page_of, '>=', 11, 'there are chapters');

# ---- links --------------------------------------------------------------------------------------

for my $page (@pages) {
    my @wrong;
    for my $target ($text{$page} =~ /(?:href|src)="([^"]*)"/g) {
        next if $target =~ /^(?:data|https?):/;
        my ($file, $anchor) = $target =~ /^([^#]*)#?(.*)$/;
        $file = $page if $file eq '';
        next if $file eq 'pinwheel.html'; # its states: browser.mjs
        push @wrong, $target if !-s "$book/$file" || ($anchor ne '' && $text{$file} !~ / (?:id|name)="\Q$anchor\E"/);
    }
    is("@wrong", '', "$page: each link leads somewhere");
}
ok(-s "$book/pinwheel.html", 'the page is in the book');

# ---- what the build has put in ------------------------------------------------------------------

sub plain {
    my ($html) = @_;
    $html =~ s/<[^>]*>//g;
    $html =~ s/&lt;/</g, $html =~ s/&gt;/>/g, $html =~ s/&quot;/"/g, $html =~ s/&#39;/'/g, $html =~ s/&amp;/&/g;
    return $html;
}

my ($blocks, $figures) = (0, 0);
for my $path (sort keys %page_of) {
    my ($markdown, $html) = (read_text($path), $text{$page_of{$path}});
    my @asked = $markdown =~ m{^\[[^\]]*\]\((?:\.\./)*([^ ]+) "(\w+: [^"]+)"\)$}gm;
    my @codes = map { plain($_) } $html =~ m{<figure class="code">\s*(?:<div[^>]*>\s*)*<pre[^>]*>(.*?)</pre>}gs;
    my @drawn = $html =~ /data:image\/svg\+xml,([^"]*)"/g;
    while (my ($file, $what) = splice @asked, 0, 2) {
        if ($what =~ /^(?:code|lines):/) {
            my $shown = shift @codes // '';
            my @missing = $what =~ /^code/ ? (index(read_text($file), $shown) < 0 ? 1 : ())
                                           : grep { index("\n" . read_text($file), "\n$_\n") < 0 } split /\n/, $shown;
            ok($shown ne '' && !@missing, "$path: $what is what $file has");
            $blocks++;
        } elsif ($what =~ /^figure: (.*)/) {
            my $now = `$build/host/pwtrace svg '$file' $1`;
            my $svg = (shift @drawn // '') =~ s/%([\dA-F]{2})/chr hex $1/ger;
            ok($? == 0 && $svg ne '' && $svg eq $now, "$path: $what is drawn from $file");
            $figures++;
        }
    }
}
cmp_ok($blocks, '>=', 15, 'the book shows code');
cmp_ok($figures, '>=', 2, 'the book shows real traces');

# ---- what does not exist ------------------------------------------------------------------------

my $dir = tempdir(CLEANUP => 1);
mkdir "$dir/source";
sub build_of {
    my ($markdown) = @_;
    open my $file, '>', "$dir/page.md" or die;
    print $file "# A page\n\n$markdown\n";
    close $file;
    my $output = `pandoc --from gfm --to html5 --lua-filter tools/book/book.lua -M source=docs/book/page.md -M out=$dir \\
        -M pwtrace=$build/host/pwtrace -M chapters=docs/book/README.md -M pages=docs/page.md '$dir/page.md' 2>&1 >/dev/null`;
    return ($?, $output);
}

is((build_of('[scan](../../vmm/interrupts/eoi_map.c "code: eoi_map_scan") and [a page](../page.md)'))[0], 0, 'a page is made');
for (
    ['[x](../../vmm/interrupts/eoi_map.c "code: eoi_map_sca")', qr/no definition of eoi_map_sca/, 'a function'],
    ['[x](../../vmm/interrupts/eoi_mad.c "code: eoi_map_scan")', qr/there is no file/, 'a file of code'],
    ['[x](../../tests/emulator/bench.figures "lines: ^nothing")', qr/no line/, 'a line'],
    ['[x](../../tests/page/sample.log "figure: nobody 1 9")', qr/no figure/, 'a figure'],
    ['[x](../../README.md "picture: of a cat")', qr/what is/, 'a kind of thing'],
    ['see [x](../nowhere.md)', qr/there is no file/, 'a page'],
) {
    my ($markdown, $why, $what) = @$_;
    my ($status, $output) = build_of($markdown);
    ok($status != 0 && $output =~ $why, "$what that does not exist is refused") or diag($output);
}
done_testing();
