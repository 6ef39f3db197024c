iff: lets: inn: orr: ifx: [ iff lets inn orr ifx.thenx ]
