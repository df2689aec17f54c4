/** A colour of the current theme as `rgb(…)`, for a canvas. The custom property itself contains the colours of both themes. */
export function themeColour(element: HTMLElement, name: string): string {
  const before = element.style.color;
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = before;
  return color;
}

/** Calls a listener when the user or the system changes the theme. Returns a function that stops this. */
export function watchTheme(listener: () => void): () => void {
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', listener);
  window.addEventListener('themechange', listener);
  return () => {
    scheme.removeEventListener('change', listener);
    window.removeEventListener('themechange', listener);
  };
}
