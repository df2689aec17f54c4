import { DropdownMenu } from 'radix-ui';
import { useState } from 'react';
import { keepKey, signOut, useSession } from '../session/session.js';
import { applyTheme, readTheme, THEMES, type Theme } from './theme.js';

const THEME_NAMES: Readonly<Record<Theme, string>> = {
  system: 'As the system',
  light: 'Light',
  dark: 'Dark',
};

/** Appearance, the session of this tab, and the documentation of the API. */
export function AccountMenu() {
  const [theme, setTheme] = useState(readTheme);
  const { isStored } = useSession();
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="button quiet" aria-label="Menu">
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
          <path d="M2 4h12M2 8h12M2 12h12" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" />
        </svg>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={6}>
          <DropdownMenu.Label className="menu-label">Appearance</DropdownMenu.Label>
          <DropdownMenu.RadioGroup
            value={theme}
            onValueChange={(value) => {
              const chosen = THEMES.find((each) => each === value) ?? 'system';
              applyTheme(chosen);
              setTheme(chosen);
            }}
          >
            {THEMES.map((each) => (
              <DropdownMenu.RadioItem key={each} value={each} className="menu-item">
                <Check />
                {THEME_NAMES[each]}
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
          <DropdownMenu.Separator className="menu-line" />
          <DropdownMenu.CheckboxItem className="menu-item" checked={isStored} onCheckedChange={keepKey}>
            <Check />
            Stay signed in for this tab
          </DropdownMenu.CheckboxItem>
          <DropdownMenu.Item className="menu-item" asChild>
            <a href="/docs" target="_blank" rel="noreferrer">
              API documentation
            </a>
          </DropdownMenu.Item>
          <DropdownMenu.Item className="menu-item" onSelect={() => signOut()}>
            Sign out
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function Check() {
  return (
    <DropdownMenu.ItemIndicator className="menu-check" forceMount>
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        <path d="m2 6.5 2.5 2.5L10 3.5" fill="none" stroke="currentColor" strokeWidth="1.8" />
      </svg>
    </DropdownMenu.ItemIndicator>
  );
}
