{ lib ? {} }: { services.x = mkIf true { }; }
