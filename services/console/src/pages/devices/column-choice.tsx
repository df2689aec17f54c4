import { DropdownMenu } from 'radix-ui';

/** Chooses the measurements that are columns. */
export function ColumnChoice({
  all,
  chosen,
  onChoose,
}: {
  all: readonly string[];
  chosen: readonly string[];
  onChoose: (names: readonly string[]) => void;
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="button">
        Columns <span className="muted">{chosen.length}</span>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu columns-menu" align="start" sideOffset={6}>
          {all.map((name) => (
            <DropdownMenu.CheckboxItem
              key={name}
              className="menu-item name"
              checked={chosen.includes(name)}
              // The menu stays open, so that several columns can be chosen.
              onSelect={(event) => event.preventDefault()}
              onCheckedChange={(isChosen) =>
                onChoose(all.filter((each) => (each === name ? isChosen : chosen.includes(each))))
              }
            >
              <DropdownMenu.ItemIndicator className="menu-check">✓</DropdownMenu.ItemIndicator>
              {name}
            </DropdownMenu.CheckboxItem>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
