-- The pandoc filter that makes a page of the book, or of docs/, from its Markdown.
--
-- A paragraph that is one link with a title of these is replaced by what the title asks for. Where the
-- Markdown is read as it is, on a web site for example, it is a link to the same thing.
--
--     [words](../../PATH "code: NAME")                 the C of a function, structure or array
--     [words](../../PATH "lines: PATTERN...")          the lines of a file that match each of these Lua patterns
--     [words](../../LOG "figure: GUEST FROM TO")       what happened in a run, drawn by pwtrace
--     [words](../page.md "page: STATE")                the page of `make page`, in that state
--
-- Links to other pages lead to the HTML made of them, links to other files to a copy in source/. Nothing
-- that a page refers to may be missing: then there is no page.
--
-- Metadata: source (the page's path), chapters (the paths of the book's pages, in their order), pages
-- (those of all pages), out (the directory), pwtrace (the program).

local source, directory, out, pwtrace
local chapters, pages, read = {}, {}, {}

local function fail(...)
    io.stderr:write(source, ': ', table.concat({ ... }), '\n')
    os.exit(1)
end

local function contents(path)
    local file = io.open(path)
    local text = file and file:read('a')
    if not text then fail('there is no file "', path, '"') end
    file:close()
    read[path] = true
    return text
end

local function words(text)
    local list = {}
    for word in text:gmatch('%S+') do list[#list + 1] = word end
    return list
end

local function escape(text)
    return (text:gsub('[&<>"]', { ['&'] = '&amp;', ['<'] = '&lt;', ['>'] = '&gt;', ['"'] = '&quot;' }))
end

local function html(text)
    return pandoc.RawBlock('html', text)
end

-- ---- paths --------------------------------------------------------------------------------------

-- The path in the tree of what a page calls target.
local function in_tree(target)
    local parts = {}
    for part in (directory .. target):gmatch('[^/]+') do
        if part == '..' then table.remove(parts)
        elseif part ~= '.' then parts[#parts + 1] = part end
    end
    return table.concat(parts, '/')
end

-- docs/book/06-scan.md is 06-scan.html, docs/book/README.md index.html, docs/page.md docs-page.html.
local function page_name(path)
    local name = path == 'docs/book/README.md' and 'index' or path:gsub('^docs/book/', ''):gsub('%.md$', ''):gsub('/', '-')
    return name .. '.html'
end

local function source_name(path)
    local name = 'source/' .. path:gsub('/', '-') .. '.txt'
    local text = contents(path)
    local file = io.open(out .. '/' .. name, 'w')
    file:write(text)
    file:close()
    return name
end

local function address(target)
    if target:match('^%a+:') or target:match('^#') then return target end
    local path, anchor = target:match('^([^#]*)(.*)$')
    path = in_tree(path)
    if pages[path] then return page_name(path) .. anchor end
    return source_name(path) .. anchor
end

-- ---- what a paragraph asks for ------------------------------------------------------------------

-- The definition of name in C, with the comment before it, and the number of its first line.
local function definition(path, name)
    local lines, from, to = {}, nil, nil
    for line in (contents(path) .. '\n'):gmatch('(.-)\n') do lines[#lines + 1] = line end
    for number, line in ipairs(lines) do
        local starts = line:match('^[%a_].*%f[%w_]' .. name .. '%(') or line:match('^struct ' .. name .. ' {')
            or line:match('^enum ' .. name .. ' {') or line:match('^[%a_].*%f[%w_]' .. name .. '%[.*%] = {')
        if starts then
            local last = number
            while lines[last] and not lines[last]:match('[;{}]') do last = last + 1 end
            if lines[last] and lines[last]:match('{') then from, to = number, last break end
        end
    end
    if not from then fail('no definition of ', name, ' in ', path) end
    while not lines[to]:match('^}') do
        to = to + 1
        if not lines[to] then fail(path, ': the definition of ', name, ' has no end') end
    end
    if lines[from - 1] and lines[from - 1]:match('%*/%s*$') then
        repeat from = from - 1 until lines[from]:match('^%s*/%*')
    end
    return table.concat(lines, '\n', from, to), from
end

local function caption(path, text)
    return html('<figcaption><a href="' .. source_name(path) .. '">' .. escape(text) .. '</a></figcaption></figure>')
end

-- What may be wider than the page, and can be scrolled, also by keyboard.
local function wide(what, blocks)
    table.insert(blocks, 1, html('<div class="wide ' .. what .. '" tabindex="0" role="group" aria-label="' .. what .. '">'))
    blocks[#blocks + 1] = html('</div>')
    return blocks
end

local function code(path, name)
    local text, line = definition(path, name)
    local language = path:match('%.[ch]$') and 'c' or 'default'
    return { html('<figure class="code">'), pandoc.CodeBlock(text, { class = language }),
        caption(path, path .. ', line ' .. line) }
end

local function lines_of(path, patterns)
    local found = {}
    for pattern in patterns:gmatch('%S+') do
        local before = #found
        for line in contents(path):gmatch('[^\n]+') do
            if line:match(pattern) then found[#found + 1] = line end
        end
        if #found == before then fail('no line of ', path, ' matches ', pattern) end
    end
    return { html('<figure class="code">'), pandoc.CodeBlock(table.concat(found, '\n')), caption(path, path) }
end

local function picture(svg, alternative)
    local data = svg:gsub('[^%w%-%.=:;,/ ]', function(c) return ('%%%02X'):format(c:byte()) end)
    return '<img class="figure" src="data:image/svg+xml,' .. data .. '" alt="' .. escape(alternative) .. '">'
end

local function figure(path, what, text)
    local arguments = words(what)
    read[path] = true
    local good, svg = pcall(pandoc.pipe, pwtrace, { 'svg', path, table.unpack(arguments) }, '')
    if not good then fail('pwtrace draws no figure "', what, '" of ', path) end
    return { html('<figure class="trace" data-figure="' .. escape(what) .. '"><div class="wide" tabindex="0" role="group" aria-label="'
        .. escape(text) .. '">' .. picture(svg, text) .. '</div>'), caption(path, text) }
end

local function page(state, text)
    local to = 'pinwheel.html#' .. state
    return { html('<figure class="page"><iframe src="' .. to .. '" loading="lazy" title="' .. escape(text) .. '"></iframe>'
        .. '<figcaption><a href="' .. to .. '">' .. escape(text) .. '</a></figcaption></figure>') }
end

local function asked(link)
    local what, rest = (link.title or ''):match('^(%a+): (.+)$')
    local text = pandoc.utils.stringify(link.content)
    if what == 'code' then return code(in_tree(link.target), rest) end
    if what == 'lines' then return lines_of(in_tree(link.target), rest) end
    if what == 'figure' then return figure(in_tree(link.target), rest, text) end
    if what == 'page' then return page(rest, text) end
    if what then fail('what is "', link.title, '"?') end
end

-- ---- the filter ---------------------------------------------------------------------------------

local function meta(document)
    local given = document.meta
    source, out, pwtrace = given.source, given.out, given.pwtrace
    directory = source:match('^(.*/)') or ''
    chapters = words(given.chapters)
    for _, path in ipairs(words(given.pages)) do pages[path] = true end
end

local function title_of(path)
    return contents(path):match('^# ([^\n]*)')
end

local function neighbours(document)
    for number, path in ipairs(chapters) do
        if path == source then
            local before, after = chapters[number - 1], chapters[number + 1]
            if before then document.meta.chapter, document.meta.count = tostring(number - 1), tostring(#chapters - 1) end
            if before then document.meta.before, document.meta.before_title = page_name(before), title_of(before) end
            if after then document.meta.after, document.meta.after_title = page_name(after), title_of(after) end
        end
    end
end

local function write_dependencies()
    local paths = {}
    for path in pairs(read) do paths[#paths + 1] = path end
    table.sort(paths)
    local file = io.open(out .. '/' .. page_name(source) .. '.d', 'w')
    file:write(out, '/', page_name(source), ': ', table.concat(paths, ' '), '\n')
    for _, path in ipairs(paths) do file:write(path, ':\n') end
    file:close()
end

return {
    { Pandoc = function(document) meta(document) return nil end },
    {
        Para = function(paragraph)
            local link = paragraph.content[1]
            if #paragraph.content == 1 and link.t == 'Link' then return asked(link) end
            if #paragraph.content == 1 and link.t == 'Image' then
                return html('<figure class="drawing"><div class="wide" tabindex="0" role="group" aria-label="drawing">'
                    .. picture(contents(in_tree(link.src)), pandoc.utils.stringify(link.caption)) .. '</div></figure>')
            end
        end,
    },
    {
        Link = function(link)
            link.target = address(link.target)
            link.title = ''
            return link
        end,
        Table = function(it)
            for _, row in ipairs(it.head.rows) do
                for _, cell in ipairs(row.cells) do
                    if #cell.contents == 0 then -- a screen reader wants a name for each column
                        cell.contents = { pandoc.Plain { pandoc.RawInline('html', '<span class="unseen">what</span>') } }
                    end
                end
            end
            return wide('table', { it })
        end,
        CodeBlock = function(block)
            if block.classes[1] == nil then block.classes = { 'default' } end
            return wide('code', { block })
        end,
    },
    {
        Pandoc = function(document)
            neighbours(document)
            local first = document.blocks[1]
            document.meta.pagetitle = first and first.t == 'Header' and pandoc.utils.stringify(first) or source
            write_dependencies()
            return document
        end,
    },
}
