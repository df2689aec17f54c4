// A translated page must have the same heading levels and code blocks as its original.

/** @param {string} original @param {string} translation @returns {string[]} the differences */
export function differences(original, translation) {
  const [one, other] = [outline(original), outline(translation)];
  const found = [];
  if (one.headings.join() !== other.headings.join())
    found.push(`headings: levels ${one.headings.join(' ')} became ${other.headings.join(' ')}`);
  if (one.blocks.length !== other.blocks.length)
    found.push(`code blocks: ${one.blocks.length} became ${other.blocks.length}`);
  for (const [index, block] of one.blocks.entries())
    if (other.blocks[index] !== undefined && other.blocks[index] !== block)
      found.push(`code block ${index + 1} differs: ${block.split('\n')[1] ?? ''}`);
  return found;
}

/** @param {string} page */
function outline(page) {
  const fence = /^(?:<!-- test: .* -->\n)?(`{3,})\w*\n[\s\S]*?^\1$/gm;
  return {
    blocks: page.match(fence) ?? [],
    headings: [...page.replace(fence, '').matchAll(/^(#+) /gm)].map(([, level = '']) => level.length),
  };
}
