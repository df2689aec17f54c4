import { useState } from 'react';

const SHOWN_MS = 2000;

/** Copies a text, for instance the curl command of an action. */
export function CopyButton({ label, text }: { label: string; text: () => string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(text());
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return (
    <button type="button" className="button small" onClick={() => void copy()}>
      <span role="status">{isCopied ? 'Copied' : label}</span>
    </button>
  );
}

/** Browsers offer the clipboard only on https and on localhost; elsewhere a selected text can be copied. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

/** The curl command of a request. The key is read from a variable, so that it enters neither the clipboard nor a shell history. */
export function curl(
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const all = { ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) };
  return [
    'curl -H "Authorization: Bearer $KEY"',
    ...(method === 'GET' ? [] : [`-X ${method}`]),
    ...Object.entries(all).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(body === undefined ? [] : [`-d ${quoted(JSON.stringify(body))}`]),
    quoted(location.origin + path),
  ].join(' ');
}
